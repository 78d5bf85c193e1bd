/** The two kinds of families that most of a broker's metrics are. */
import { labelSet, type MetricFamily } from "../telemetry/exposition.ts";
import type { BrokerStatus } from "./status-api.ts";

export type Family = MetricFamily<BrokerStatus>;

/** One sample. */
export function single(
  name: string,
  type: "counter" | "gauge",
  help: string,
  read: (status: BrokerStatus) => number,
): Family {
  return {
    name,
    type,
    help,
    labels: [],
    *samples(status) {
      yield { labels: "", value: read(status) };
    },
  };
}

/** A sample for each key of a record. */
export function byLabel(
  name: string,
  type: "counter" | "gauge",
  help: string,
  label: string,
  read: (status: BrokerStatus) => Readonly<Record<string, number>>,
): Family {
  return {
    name,
    type,
    help,
    labels: [label],
    *samples(status) {
      for (const [key, value] of Object.entries(read(status))) {
        yield { labels: labelSet({ [label]: key }), value };
      }
    },
  };
}
