/** What `levain perf` shows a person: tables of 80 columns. All numbers are in the JSON. */
import { errorsInWords } from "../perf/error-kinds.ts";
import type { Comparison, PerfReport, Ratio, ScenarioReport } from "../perf/report.ts";
import type { Paint } from "./paint.ts";
import { type Column, renderTable } from "./table.ts";

export function renderRuns(report: PerfReport, columns: number, paint: Paint): string {
  const table = renderTable(report.scenarios, runColumns(paint), {
    columns,
    paintTitle: paint.dim,
  });
  const { machine, commit, bun, options } = report;
  const repeat = options.repeat > 1 ? `, ${options.repeat} runs of each` : "";
  const where = [
    "P50, P95, P99: ms. NODE, APP: µs of CPU per request. MIB: memory at its peak.",
    `${options.mode}${options.url === null ? "" : ` ${options.url}`}, ` +
      `${options.durationMs / 1000} s after ${options.warmUpMs / 1000} s of warm-up${repeat}`,
    `${machine.cores} × ${machine.cpu}, load ${machine.loadAverage.toFixed(1)} before, Bun ${bun}`,
    `Levain ${report.version}${commit === null ? "" : `, commit ${commit.slice(0, 12)}`}`,
  ];
  const [title = "", ...rows] = table.split("\n");
  const lines = rows.flatMap((row, index) => [row, ...errorLines(report.scenarios[index], paint)]);
  return [title, ...lines, "", ...where.map((line) => paint.dim(line))].join("\n");
}

function errorLines(scenario: ScenarioReport | undefined, paint: Paint): string[] {
  if (scenario === undefined || scenario.summary.errors.total === 0) return [];
  return [paint.red(`  errors: ${errorsInWords(scenario.summary.errors)}`)];
}

function runColumns(paint: Paint): Column<ScenarioReport>[] {
  const latency = (name: "p50" | "p95" | "p99"): Column<ScenarioReport> => ({
    title: name.toUpperCase(),
    cell: ({ summary }) => (summary.requests === 0 ? "-" : showFigure(summary.latencyMs[name])),
    align: "right",
  });
  return [
    { title: "SCENARIO", cell: ({ name }) => name, paint: paint.bold },
    { title: "REQ/S", cell: ({ summary }) => showRate(summary.ratePerS), align: "right" },
    latency("p50"),
    latency("p95"),
    latency("p99"),
    { title: "NODE", cell: ({ summary }) => showCpu(summary, "node"), align: "right" },
    { title: "APP", cell: ({ summary }) => showCpu(summary, "apps"), align: "right" },
    { title: "MIB", cell: ({ summary }) => showPeak(summary), align: "right" },
    { title: "HIT", cell: ({ summary }) => showShare(summary.pool?.hitRate), align: "right" },
    {
      title: "ERR",
      cell: ({ summary }) => String(summary.errors.total),
      align: "right",
      paint: (text, { summary }) => (summary.errors.total === 0 ? text : paint.red(text)),
    },
  ];
}

/** Empty when there is nothing to say. @param isKept whether nothing is beyond its limit, errors included */
export function renderGates(
  { kept, skipped }: NonNullable<PerfReport["gates"]>,
  isKept: boolean,
  paint: Paint,
): string {
  const lines: string[] = [];
  if (isKept && kept > 0) {
    const limits = `${kept} ${kept === 1 ? "limit" : "limits"}`;
    lines.push(`${paint.green("✔")} All gates hold: ${limits}`);
  }
  if (skipped.length > 0) {
    lines.push(paint.yellow(`! Gates skipped, not measured: ${skipped.join(", ")}`));
  }
  return lines.join("\n");
}

type Compared = Comparison["scenarios"][number];

export function renderComparison(comparison: Comparison, columns: number, paint: Paint): string {
  const colors: Partial<Record<Compared["verdict"], (text: string) => string>> = {
    slower: paint.red,
    "a little slower": paint.yellow,
    faster: paint.green,
  };
  const table = renderTable<Compared>(
    comparison.scenarios,
    [
      { title: "SCENARIO", cell: ({ scenario }) => scenario, paint: paint.bold },
      { title: "SPEED", cell: ({ metrics }) => showRatio(speedOf(metrics)) },
      comparison.kind === "hooks"
        ? { title: "CPU µS ADDED", cell: ({ cpuUsAdded }) => showAdded(cpuUsAdded) }
        : { title: "CPU PER REQUEST", cell: ({ metrics }) => showRatio(metrics.cpu) },
      {
        title: "VERDICT",
        cell: ({ verdict }) => verdict,
        paint: (text, { verdict }) => colors[verdict]?.(text) ?? text,
      },
    ],
    { columns, paintTitle: paint.dim },
  );
  const notes = comparison.notes.map((note) => paint.yellow(`! ${note}`));
  return [...comparedWith(comparison), ...notes, table].join("\n");
}

function comparedWith({ base, baseCommit, kind }: Comparison): string[] {
  const commit = baseCommit === null ? "" : `, commit ${baseCommit.slice(0, 12)}`;
  switch (kind) {
    case "hooks":
      return [
        `With hooks, to without: ${base}`,
        "Median (spread) of rounds in which both took turns.",
      ];
    case "checkout":
      return [`To ${base}${commit}`, "Median ratio (spread) of rounds in which both took turns."];
    case "report":
      return [
        `To ${base}${commit}`,
        "Median ratio (spread). Measured at another time: the machine may have changed.",
      ];
  }
}

/** Where requests come one by one, speed is how short they are. */
function speedOf({ rate, p50 }: Compared["metrics"]): Ratio | undefined {
  if (rate !== undefined || p50 === undefined) return rate;
  const turned = (value: number | null) => (value === null ? null : 1 / value);
  return { ...p50, ratio: 1 / p50.ratio, low: turned(p50.high), high: turned(p50.low) };
}

/** `0.97 (0.91–1.04)` */
function showRatio(ratio: Ratio | undefined): string {
  if (ratio === undefined) return "-";
  const { low, high } = ratio;
  const spread = low === null || high === null ? "one run" : `${low.toFixed(2)}–${high.toFixed(2)}`;
  return `${ratio.ratio.toFixed(2)} (${spread})`;
}

/** `+1.42 (0.81–2.60)` */
function showAdded(added: Compared["cpuUsAdded"]): string {
  if (added === null) return "-";
  const { median, low, high } = added;
  return `${median < 0 ? "" : "+"}${showFigure(median)} (${showFigure(low)}–${showFigure(high)})`;
}

export interface ListedScenario {
  name: string;
  catches: string;
}

export function renderScenarioList(
  scenarios: readonly ListedScenario[],
  columns: number,
  paint: Paint,
): string {
  return renderTable(
    scenarios,
    [
      { title: "SCENARIO", cell: ({ name }) => name, paint: paint.bold },
      { title: "GOOD AT CATCHING", cell: ({ catches }) => catches, cutTo: 20 },
    ],
    { columns, paintTitle: paint.dim },
  );
}

/** Three figures: `0.042`, `1.25`, `17.3`, `212`. */
function showFigure(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 1 ? 2 : 3);
}

function showRate(ratePerS: number | null): string {
  return ratePerS === null ? "-" : ratePerS >= 100 ? ratePerS.toFixed(0) : ratePerS.toFixed(1);
}

type Summary = ScenarioReport["summary"];

function showCpu({ cpuUsPerRequest: cpu }: Summary, part: "node" | "apps"): string {
  return cpu === null ? "-" : showFigure(cpu[part]);
}

/** Node and apps together. */
function showPeak({ memoryBytes: memory }: Summary): string {
  if (memory === null) return "-";
  return ((memory.node.peak + memory.apps.peak) / 2 ** 20).toFixed(0);
}

function showShare(share: number | null | undefined): string {
  if (share === null || share === undefined) return "-";
  const percent = (share * 100).toFixed(0);
  // One miss in a million is not none.
  return share < 1 && percent === "100" ? ">99%" : `${percent}%`;
}
