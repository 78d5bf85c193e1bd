/** The matrix as a table of Markdown, and its place in docs/recovery.md. Pure. */
import type { Pause } from "../../src/qualify/sql-recovery/pauses.ts";
import type { MatrixCell } from "./matrix.ts";

export function recoveryTable(pauses: readonly Pause[], cells: readonly MatrixCell[]): string {
  const clients = [...new Set(cells.map(({ client }) => client))];
  const rows = pauses.map(({ name }) => {
    const texts = clients.map(
      (client) =>
        cells.find((cell) => cell.pause === name && cell.client === client)?.verdict.text ?? "–",
    );
    return [`\`${name}\``, ...texts];
  });
  return [["pause", ...clients], ["---", ...clients.map(() => "---")], ...rows]
    .map((row) => `| ${row.join(" | ")} |`)
    .join("\n");
}

/** What the pauses are. */
export function pausesTable(pauses: readonly Pause[]): string {
  const rows = pauses.map(({ name, summary }) => `| \`${name}\` | ${summary} |`);
  return ["| pause | what happens meanwhile |", "| --- | --- |", ...rows].join("\n");
}

/** `page` with `table` between the comments of that mark. @throws when the page has none */
export function withTable(page: string, mark: string, table: string): string {
  const [begin, end] = [`<!-- begin ${mark} -->`, `<!-- end ${mark} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no place for ${mark}`);
  return `${page.slice(0, from)}${begin}\n${table}\n${page.slice(to)}`;
}
