/**
 * Rows as columns of text that fit the terminal. What is too wide is cut with `…`, first the columns that bear it best;
 * a column that says nothing when cut (a URL) never is, and then a line may be longer than the terminal.
 */

import { printableLine } from "./printable.ts";

export interface Column<Row> {
  title: string;
  /** Plain text; what could move a terminal's cursor is made harmless, since others may have written it. */
  cell(row: Row): string;
  align?: "left" | "right";
  /** Characters that a cut leaves at least; without it the column is never cut. The smallest goes first. */
  cutTo?: number;
  /** Colours a cell after it was laid out. */
  paint?(text: string, row: Row): string;
}

export interface TableOptions {
  /** Characters per line. */
  columns: number;
  /** Colours the title line. */
  paintTitle?(text: string): string;
}

const gap = "  ";

/** The table with its title line, without a final newline. */
export function renderTable<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: TableOptions,
): string {
  const cells = rows.map((row) => columns.map((column) => printableLine(column.cell(row))));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((line) => textWidth(line[index] as string))),
  );
  narrow(widths, columns, options.columns);

  const layOut = (texts: readonly string[], paint?: (text: string, index: number) => string) =>
    texts
      .map((text, index) => {
        const width = widths[index] as number;
        const cut = cutText(text, width);
        const space = " ".repeat(Math.max(0, width - textWidth(cut)));
        const shown = paint === undefined ? cut : paint(cut, index);
        return columns[index]?.align === "right" ? space + shown : shown + space;
      })
      .join(gap)
      .trimEnd();

  const title = layOut(columns.map((column) => column.title));
  const lines = rows.map((row, rowIndex) =>
    layOut(cells[rowIndex] as string[], (text, index) => {
      const paint = columns[index]?.paint;
      return paint === undefined ? text : paint(text, row);
    }),
  );
  return [options.paintTitle?.(title) ?? title, ...lines].join("\n");
}

/** Makes columns narrower in place until the table fits, or nothing may be cut any more. */
function narrow<Row>(widths: number[], columns: readonly Column<Row>[], lineWidth: number): void {
  const order = columns
    .map((column, index) => ({ index, cutTo: column.cutTo }))
    .filter((column): column is { index: number; cutTo: number } => column.cutTo !== undefined)
    .sort((left, right) => left.cutTo - right.cutTo);
  for (const { index, cutTo } of order) {
    const total = widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
    if (total <= lineWidth) return;
    const width = widths[index] as number;
    widths[index] = Math.max(Math.min(width, cutTo), width - (total - lineWidth));
  }
}

/** At most `width` columns of text, with `…` as the last when something is missing. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let cut = "";
  for (const character of text) {
    if (textWidth(cut) + textWidth(character) > width - 1) break;
    cut += character;
  }
  return `${cut}…`;
}

/** Columns that the text takes on a terminal. */
function textWidth(text: string): number {
  return Bun.stringWidth(text);
}
