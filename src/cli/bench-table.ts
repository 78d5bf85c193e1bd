/** What `levain bench broker` shows a person: hits and misses apart, then what they cost. 80 columns. */
import type { BrokerReport } from "../perf/broker-report.ts";
import type { Paint } from "./paint.ts";
import { type Column, renderTable } from "./table.ts";
import { showBytes } from "./units.ts";

interface Row {
  name: string;
  answers: BrokerReport["hits"];
}

export function renderBrokerBench(report: BrokerReport, columns: number, paint: Paint): string {
  const rows: Row[] = [
    { name: "hits", answers: report.hits },
    { name: "misses", answers: report.misses },
  ];
  const table = renderTable(rows, answerColumns(paint), { columns, paintTitle: paint.dim });
  const { cpuUsPerDispatch: cpu, memoryBytes: memory, redirects, hits, machine, options } = report;
  const perHit = hits.count === 0 ? "" : ` (${(redirects / hits.count).toFixed(2)} per hit)`;
  const broker =
    cpu.broker === null ? "not on this machine" : `${cpu.broker.toFixed(1)} µs of CPU per dispatch`;
  const lines = [
    `broker    ${broker}`,
    ...(memory === null
      ? []
      : [
          `memory    ${showBytes(memory.resident)} resident, ${showBytes(memory.share)} as its share of it (PSS),`,
          `          ${showBytes(Math.round(memory.perController))} per controller since they came`,
        ]),
    `client    ${cpu.client.toFixed(1)} µs of CPU per dispatch`,
    `redirects ${redirects}${perHit}`,
    ...problemLines(report, paint),
  ];
  const where = [
    "P50 to MAX: ms, from the dispatch to its answer.",
    `${options.controllers} controllers, ${options.dispatchers} dispatchers, ${options.keys} keys, ` +
      `${options.payloadBytes} bytes, hit ratio ${options.hitRatio}`,
    `${machine.cores} × ${machine.cpu}, load ${machine.loadAverage.toFixed(1)} before, Bun ${report.bun}`,
  ];
  return [table, "", ...lines, "", ...where.map((line) => paint.dim(line))].join("\n");
}

function answerColumns(paint: Paint): Column<Row>[] {
  const latency = (name: "p50" | "p95" | "p99" | "max"): Column<Row> => ({
    title: name.toUpperCase(),
    cell: ({ answers }) => (answers.count === 0 ? "-" : answers.latencyMs[name].toFixed(2)),
    align: "right",
  });
  return [
    { title: "", cell: ({ name }) => name, paint: paint.bold },
    { title: "COUNT", cell: ({ answers }) => String(answers.count), align: "right" },
    { title: "PER S", cell: ({ answers }) => answers.ratePerS.toFixed(0), align: "right" },
    latency("p50"),
    latency("p95"),
    latency("p99"),
    latency("max"),
  ];
}

/** What a fast broker must not have. */
function problemLines(report: BrokerReport, paint: Paint): string[] {
  const { lost, doubled, missesUnasked, errors } = report;
  const counts: [count: number, what: string][] = [
    [lost, "lost: answered with true, and no controller got the message"],
    [doubled, "delivered twice"],
    [errors.refused, "connections refused"],
    [errors.reset, "dispatches cut off"],
    [errors.timeout, "dispatches without an answer"],
    ...byStatus(errors.status, (status) => `dispatches answered with ${status}`),
    ...byStatus(errors.ended, (status) => `polls answered with ${status}, which ends a runner`),
  ];
  const problems = counts.filter(([count]) => count > 0);
  return [
    ...(missesUnasked === 0
      ? []
      : [paint.yellow(`! ${missesUnasked} misses of keys that controllers poll for`)]),
    ...problems.map(([count, what]) => paint.red(`✘ ${count} ${what}`)),
  ];
}

function byStatus(counts: Readonly<Record<string, number>>, say: (status: string) => string) {
  return Object.entries(counts).map(([status, count]): [number, string] => [count, say(status)]);
}
