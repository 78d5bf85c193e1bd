/**
 * Prometheus' text format, version 0.0.4: families of samples as text. A family is a row of data with a function that
 * yields its samples; whoever has something to show adds a row to a list (`src/metrics.ts`).
 */

export type MetricType = "counter" | "gauge" | "histogram";

/** One line. */
export interface Sample {
  /** As `labelSet` makes them; empty for none. */
  labels: string;
  value: number;
  /** Of a histogram: which of its series. */
  suffix?: "_bucket" | "_sum" | "_count";
}

/** @typeParam Source what the samples are taken from */
export interface MetricFamily<Source> {
  /** Snake case, with the unit at its end, and `_total` for a counter. */
  name: string;
  type: MetricType;
  /** One sentence. */
  help: string;
  /** Names of the labels that its samples may have, `le` apart; for the docs. */
  labels: readonly string[];
  samples(source: Source): Iterable<Sample>;
}

/** What `Content-Type` says of it. */
export const expositionType = "text/plain; version=0.0.4; charset=utf-8";

/** `{app="shop",version="v3"}` */
export function labelSet(values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** The set with one more label. */
export function withLabel(labels: string, name: string, value: string): string {
  const pair = `${name}="${escapeLabel(value)}"`;
  return labels === "" ? `{${pair}}` : `${labels.slice(0, -1)},${pair}}`;
}

/** Lines of one piece: as many as are made in a fraction of a millisecond. Count. */
const pieceLines = 200;

/** The family's lines, each ended, in pieces; its name, type and help also when it has no samples. */
export function* renderFamily<Source>(
  { name, type, help, samples }: MetricFamily<Source>,
  source: Source,
): Generator<string> {
  let text = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
  let lines = 0;
  for (const { labels, value, suffix = "" } of samples(source)) {
    text += `${name}${suffix}${labels} ${showValue(value)}\n`;
    lines += 1;
    if (lines % pieceLines > 0) continue;
    yield text;
    text = "";
  }
  yield text;
}

/** The number as the format has it: `+Inf`, `-Inf` and `NaN` by these names. */
function showValue(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabel(text: string): string {
  return /[\\"\n]/.test(text) ? escapeHelp(text).replaceAll('"', '\\"') : text;
}
