/** The kinds of families that most metrics are. */
import { labelSet, type MetricFamily } from "./exposition.ts";

/** One sample. */
export function single<Source>(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (source: Source) => number,
): MetricFamily<Source> {
  return {
    name,
    type,
    help,
    labels: [],
    *samples(source) {
      yield { labels: "", value: read(source) };
    },
  };
}

/** A sample for each key of a record. */
export function byLabel<Source>(
  name: string,
  type: "counter" | "gauge",
  help: string,
  label: string,
  read: (source: Source) => Readonly<Record<string, number>>,
): MetricFamily<Source> {
  return {
    name,
    type,
    help,
    labels: [label],
    *samples(source) {
      for (const [key, value] of Object.entries(read(source))) {
        yield { labels: labelSet({ [label]: key }), value };
      }
    },
  };
}
