/** Samples as tables for people. */
import { cpus, loadavg, release } from "node:os";
import type { Sample } from "./measure.ts";
import { median, type RoundValue, ratiosOf, spread } from "./ratios.ts";

/** What ratios are to: the proxy that Levain has to beat, and what there is at most. */
const REFERENCES = ["HAProxy", "bare Bun.serve"];

/** Markdown table of one scenario: one row per peer, medians, ranges, and ratios to the references within a round. */
export function tableOf(samples: readonly Sample[]): string {
  const names = [...new Set(samples.map(({ peer }) => peer))];
  const references = REFERENCES.filter((name) => names.includes(name));
  const head = [
    "peer",
    "requests/s, median (range)",
    ...references.map((name) => `× ${name}`),
    "p50 ms",
    "p99 ms",
    "CPU µs per request: edge",
    "app",
    "both",
    "wrk",
    "errors",
  ];
  const rows = names.map((name) => rowOf(name, references, samples));
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function rowOf(name: string, references: readonly string[], samples: readonly Sample[]): string[] {
  const own = samples.filter(({ peer }) => peer === name);
  const cpu = (...roles: string[]) => {
    const spent = own.map(({ cpuUs }) => roles.reduce((sum, role) => sum + (cpuUs[role] ?? 0), 0));
    return median(spent).toFixed(1);
  };
  const thousands = own.map(({ requestsPerS }) => requestsPerS / 1000);
  const digits = Math.max(...thousands) < 10 ? 2 : 1;
  return [
    name,
    spread(thousands, digits).replace(" ", " k "),
    ...references.map((reference) =>
      spread(ratiosOf(ratesOf(name, samples), ratesOf(reference, samples)), 2),
    ),
    median(own.map(({ p50Ms }) => p50Ms)).toFixed(2),
    median(own.map(({ p99Ms }) => p99Ms)).toFixed(2),
    cpu("edge"),
    cpu("app"),
    cpu("edge", "app"),
    cpu("wrk"),
    String(own.reduce((sum, { errors }) => sum + errors, 0)),
  ];
}

function ratesOf(name: string, samples: readonly Sample[]): RoundValue[] {
  return samples
    .filter(({ peer }) => peer === name)
    .map(({ round, requestsPerS }) => ({ round, value: requestsPerS }));
}

/** Date, machine, versions and load, for the head of a section. */
export function machine(): string {
  const cpu = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Linux ${release()}`;
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, ${cpu}, Bun ${Bun.version}, load ${loadavg()[0]!.toFixed(1)} before.`;
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
