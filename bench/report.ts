/** Samples as a table for people. */
import { cpus, loadavg, release } from "node:os";
import type { Sample } from "./measure.ts";

/** The peer that ratios are of: the one the edge has to match. */
const REFERENCE = "HAProxy";

/** Markdown table: one row per peer, medians, ranges, and ratios to the reference within the same round. */
export function tableOf(samples: readonly Sample[]): string {
  const names = [...new Set(samples.map(({ peer }) => peer))];
  const reference = names.includes(REFERENCE) ? REFERENCE : names[0]!;
  const rows = names.map((name) => rowOf(name, reference, samples));
  return [
    `| peer | requests/s, median (range) | × ${reference}, median (range) | p50 ms | p99 ms | CPU µs per request: edge | app | both | wrk | errors |`,
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function rowOf(name: string, reference: string, samples: readonly Sample[]): string {
  const own = samples.filter(({ peer }) => peer === name);
  const rates = own.map(({ requestsPerS }) => requestsPerS / 1000);
  const ratios = own.flatMap((sample) => {
    const other = samples.find(({ peer, round }) => peer === reference && round === sample.round);
    return other === undefined ? [] : [sample.requestsPerS / other.requestsPerS];
  });
  const cpu = (...roles: string[]) => {
    const spent = own.map(({ cpuUs }) => roles.reduce((sum, role) => sum + (cpuUs[role] ?? 0), 0));
    return median(spent).toFixed(1);
  };
  const cells = [
    name,
    `${median(rates).toFixed(1)} k (${range(rates, 1)})`,
    `${median(ratios).toFixed(2)} (${range(ratios, 2)})`,
    median(own.map(({ p50Ms }) => p50Ms)).toFixed(2),
    median(own.map(({ p99Ms }) => p99Ms)).toFixed(2),
    cpu("edge"),
    cpu("app"),
    cpu("edge", "app"),
    cpu("wrk"),
    String(own.reduce((sum, { errors }) => sum + errors, 0)),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The middle value; of an even count, the mean of the two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that `share` (0 to 1) of all do not exceed. NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? Number.NaN;
}

/** Date, machine, versions and load, for the head of a section. */
export function machine(): string {
  const cpu = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Linux ${release()}`;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${cpu}, Bun ${Bun.version}, load ${loadavg()[0]!.toFixed(1)} before.`;
}

function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`;
}

/** Replaces what stands between the markers of a section; adds the section at the end when there is none. */
export function withSection(document: string, name: string, text: string): string {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const section = `${begin}\n${text.trim()}\n${end}`;
  const from = document.indexOf(begin);
  const to = document.indexOf(end);
  if (from === -1 || to < from) return `${document.trimEnd()}\n\n${section}\n`;
  return document.slice(0, from) + section + document.slice(to + end.length);
}
