/** What `levain qualify` shows a person: a row for each case, a column for each runtime, and why what fails does. */
import type { CaseResult, QualifyReport, RuntimeVerdict } from "../qualify/report.ts";
import type { Paint } from "./paint.ts";
import { printableLine } from "./printable.ts";
import { type Column, renderTable } from "./table.ts";
import { showDuration } from "./units.ts";
import { hangingLines } from "./wrap-words.ts";

/** Evidence lines of a failure in text; `--json` has all. Count. */
const evidenceShownMax = 3;

interface Row {
  name: string;
  group: string;
  /** By runtime, in order. */
  results: readonly (CaseResult | undefined)[];
}

export function renderQualify(report: QualifyReport, columns: number, paint: Paint): string {
  const { verdicts } = report;
  const rows = report.comparison.map(({ name }): Row => {
    const results = verdicts.map(({ cases }) => cases.find((one) => one.name === name));
    return { name, group: results.find((one) => one !== undefined)?.group ?? "", results };
  });
  const table = renderTable(rows, tableColumns(verdicts, paint), {
    columns,
    paintTitle: paint.dim,
  });
  const { machine, levain, ms, isQuick } = report;
  const isNoted = verdicts.some(({ cases }) =>
    cases.some(({ isRequired, status }) => !isRequired && status === "fail"),
  );
  const where = [
    ...(isNoted ? ["fail*: no runtime gets through it; it counts for no verdict"] : []),
    `${machine.cores} × ${machine.cpu}, ${machine.kernel}, Levain ${levain}, ${showDuration(ms)}` +
      (isQuick ? ", quick: does not count for production" : ""),
  ];
  return [
    table,
    ...problemLines(verdicts, columns, paint),
    "",
    ...where.map((line) => paint.dim(line)),
    ...(report.stored === null
      ? []
      : hangingLines(`Verdicts: ${report.stored}`, columns).map((line) => paint.dim(line))),
    "",
    ...verdicts.map((verdict) => verdictLine(verdict, paint)),
  ].join("\n");
}

function tableColumns(verdicts: readonly RuntimeVerdict[], paint: Paint): Column<Row>[] {
  return [
    { title: "CASE", cell: ({ name }) => name, cutTo: 12, paint: paint.bold },
    { title: "GROUP", cell: ({ group }) => group, cutTo: 4 },
    ...verdicts.map(
      ({ runtime }, at): Column<Row> => ({
        title: runtime.toUpperCase(),
        cell: ({ results }) => showResult(results[at]),
        cutTo: 8,
        paint: (text, { results }) => paintStatus(text, results[at], paint),
      }),
    ),
  ];
}

/** `pass  5.5 MiB` */
function showResult(result: CaseResult | undefined): string {
  if (result === undefined) return "-";
  const { status, isRequired, measures } = result;
  const mark = status === "fail" && !isRequired ? "fail*" : status;
  const [first] = measures;
  return first === undefined ? mark : `${mark}  ${showFigure(first)}`;
}

function showFigure({ value, unit }: CaseResult["measures"][number]): string {
  // What it counts stands in the JSON.
  if (unit === "count") return String(Math.round(value));
  const size = Math.abs(value);
  const figure = size >= 100 ? value.toFixed(0) : size >= 1 ? value.toFixed(1) : value.toFixed(2);
  return `${figure} ${unit}`.trimEnd();
}

function paintStatus(text: string, result: CaseResult | undefined, paint: Paint): string {
  if (result === undefined) return paint.dim(text);
  if (result.status === "pass") return paint.green(text);
  if (result.status === "fail" && result.isRequired) return paint.red(text);
  return paint.yellow(text);
}

/** Why cases failed or were skipped, the same reason once. */
function problemLines(
  verdicts: readonly RuntimeVerdict[],
  columns: number,
  paint: Paint,
): string[] {
  return verdicts.flatMap(({ runtime, cases }) => {
    const problems = cases.filter(({ status }) => status !== "pass");
    if (problems.length === 0) return [];
    const lines = problems.flatMap(({ name, status, isRequired, reason, lastLines }) => {
      const isBad = status === "fail" && isRequired;
      const mark = isBad ? paint.red("✘") : paint.yellow(status === "fail" ? "!" : "-");
      const evidence = isBad ? lastLines.slice(-evidenceShownMax) : [];
      return [
        ...hangingLines(`  ${name}: ${printableLine(reason ?? "")}`, columns - 2).map((line, at) =>
          at === 0 ? `  ${mark} ${line.trimStart()}` : line,
        ),
        ...evidence.map((line) => paint.dim(`      ${cut(printableLine(line), columns - 6)}`)),
      ];
    });
    return ["", paint.bold(runtime), ...lines];
  });
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function verdictLine({ runtime, isPassed, isComplete, cases }: RuntimeVerdict, paint: Paint) {
  const count = (status: CaseResult["status"]) =>
    cases.filter((one) => one.status === status && (status !== "fail" || one.isRequired)).length;
  const counts = `${count("pass")} passed, ${count("fail")} failed, ${count("skip")} skipped`;
  const part = isComplete ? "" : ", not all cases";
  return isPassed
    ? `${paint.green("✔")} ${runtime} is fit: ${counts}${part}`
    : `${paint.red("✘")} ${runtime} is not fit: ${counts}${part}`;
}

export function renderCaseList(
  cases: readonly { name: string; group: string; catches: string }[],
  columns: number,
  paint: Paint,
): string {
  return renderTable(
    cases,
    [
      { title: "CASE", cell: ({ name }) => name, paint: paint.bold },
      { title: "GROUP", cell: ({ group }) => group },
      { title: "FINDS", cell: ({ catches }) => catches, cutTo: 20 },
    ],
    { columns, paintTitle: paint.dim },
  );
}
