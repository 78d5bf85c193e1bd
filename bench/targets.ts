/**
 * What Levain is to reach, as far as wrk can measure it, and whether the samples show it. A ratio is taken within each
 * round, between processes that ran next to each other, and its median is what is judged.
 */
import type { Sample } from "./measure.ts";
import { median, type RoundValue, range, ratiosOf } from "./ratios.ts";

type Measure = "requestsPerS" | "p99Ms";

/** What is looked at: one peer in one scenario. */
interface Subject {
  scenario: string;
  peer: string;
}

export interface Target {
  /** In words, with the bound. */
  name: string;
  measure: Measure;
  of: Subject;
  /** What it is a ratio to; null: it is judged by itself. */
  to: Subject | null;
  /** `least`: as much or more is good. `most`: as much or less. */
  bound: "least" | "most";
  value: number;
}

export interface Judgement {
  target: Target;
  /** Of the rounds that have both sides. */
  values: number[];
  /** Null when there is no sample. */
  isMet: boolean | null;
  /** How far the median is from the bound, in parts of it: 0.1 is a tenth better, -0.1 a tenth worse. */
  margin: number;
}

const levain = (scenario: string): Subject => ({ scenario, peer: "Levain" });
const haproxy = (scenario: string): Subject => ({ scenario, peer: "HAProxy" });
const bare = (scenario: string): Subject => ({ scenario, peer: "bare Bun.serve" });

const atLeast = (name: string, of: Subject, value: number, to: Subject | null): Target => ({
  name,
  measure: "requestsPerS",
  of,
  to,
  bound: "least",
  value,
});

const p99AtMost = (name: string, of: Subject, value: number, to: Subject): Target => ({
  name,
  measure: "p99Ms",
  of,
  to,
  bound: "most",
  value,
});

export const targets: readonly Target[] = [
  atLeast("`warm-noop` ≥ 1.2 × HAProxy", levain("warm-noop"), 1.2, haproxy("warm-noop")),
  atLeast("`warm-noop` ≥ 0.65 × bare", levain("warm-noop"), 0.65, bare("warm-noop")),
  p99AtMost("`warm-noop` p99 ≤ HAProxy's", levain("warm-noop"), 1, haproxy("warm-noop")),
  atLeast("`echo-1kb` ≥ 0.55 × bare", levain("echo-1kb"), 0.55, bare("echo-1kb")),
  atLeast("`json-1kb` ≥ 0.6 × bare", levain("json-1kb"), 0.6, bare("json-1kb")),
  atLeast("`slow-50ms` ≥ 0.8 × bare", levain("slow-50ms"), 0.8, bare("slow-50ms")),
  p99AtMost("`slow-50ms` p99 ≤ 1.5 × bare", levain("slow-50ms"), 1.5, bare("slow-50ms")),
  atLeast(
    "`warm-noop` at 2,000 connections ≥ 0.85 × itself at 50",
    levain("warm-noop-c2000"),
    0.85,
    levain("warm-noop"),
  ),
  atLeast("`ephemeral-noop` ≥ 6,000 requests/s", levain("ephemeral-noop"), 6000, null),
  atLeast(
    "`ephemeral-noop` ≥ 0.3 × `warm-noop`",
    levain("ephemeral-noop"),
    0.3,
    levain("warm-noop"),
  ),
  atLeast(
    "`download-100kb` ≥ 0.5 × HAProxy",
    levain("download-100kb"),
    0.5,
    haproxy("download-100kb"),
  ),
  atLeast("`stream-1mb` ≥ 0.5 × HAProxy", levain("stream-1mb"), 0.5, haproxy("stream-1mb")),
  atLeast("`upload-1mb` ≥ 0.5 × HAProxy", levain("upload-1mb"), 0.5, haproxy("upload-1mb")),
];

export function judge(target: Target, samples: readonly Sample[]): Judgement {
  const valuesOf = (subject: Subject): RoundValue[] =>
    samples
      .filter(({ scenario, peer }) => scenario === subject.scenario && peer === subject.peer)
      .map((sample) => ({ round: sample.round, value: sample[target.measure] }));
  const own = valuesOf(target.of);
  const values =
    target.to === null ? own.map(({ value }) => value) : ratiosOf(own, valuesOf(target.to));
  if (values.length === 0) return { target, values, isMet: null, margin: Number.NaN };
  const above = median(values) / target.value - 1;
  const margin = target.bound === "least" ? above : -above;
  return { target, values, isMet: margin >= 0, margin };
}

/** Markdown: a row per target. */
export function targetsTable(samples: readonly Sample[]): string {
  const rows = targets.map((target) => {
    const { values, isMet, margin } = judge(target, samples);
    if (isMet === null) return `| ${target.name} | not measured | |`;
    const digits = target.to === null ? 0 : 2;
    const percent = `${Math.abs(margin * 100).toFixed(0)} %`;
    const verdict = isMet ? `met, by ${percent}` : `**missed by ${percent}**`;
    const measured = `${median(values).toFixed(digits)} (${range(values, digits)})`;
    return `| ${target.name} | ${measured} | ${verdict} |`;
  });
  return ["| target | measured, median (range) | |", "| --- | --- | --- |", ...rows].join("\n");
}
