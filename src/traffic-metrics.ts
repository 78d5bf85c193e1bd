/** Families of metrics about what the edge has answered, see `metrics.ts`. */
import type { MetricsSource } from "./metrics.ts";
import { type MetricFamily, type Sample, withLabel } from "./telemetry/exposition.ts";
import { shownBoundsMs } from "./telemetry/latency-histogram.ts";
import { ANSWER_CLASSES, type AnswerCounts, type Traffic } from "./telemetry/traffic.ts";

type Family = MetricFamily<MetricsSource>;

const version = ["app", "version"];

/** A family with samples for each version. */
function perVersion(
  name: string,
  type: Family["type"],
  help: string,
  read: (traffic: Traffic, labels: string) => Iterable<Sample>,
  labels: string[] = [],
): Family {
  return {
    name,
    type,
    help,
    labels: [...version, ...labels],
    *samples({ versions }) {
      for (const { labels, traffic } of versions) yield* read(traffic, labels);
    },
  };
}

/** A family with one sample for each version. */
function sum(name: string, help: string, read: (traffic: Traffic) => number): Family {
  return perVersion(name, "counter", help, function* (traffic, labels) {
    yield { labels, value: read(traffic) };
  });
}

function* byClass(answers: AnswerCounts, labels: string): Iterable<Sample> {
  for (const name of ANSWER_CLASSES) {
    yield { labels: withLabel(labels, "class", name), value: answers.of(name) };
  }
}

function* buckets({ latency }: Traffic, labels: string): Iterable<Sample> {
  let index = 0;
  for (const value of latency.cumulative(shownBoundsMs)) {
    const le = String(shownBoundsMs[index++]! / 1000);
    yield { labels: withLabel(labels, "le", le), value, suffix: "_bucket" };
  }
  const { count, sumMs } = latency;
  yield { labels: withLabel(labels, "le", "+Inf"), value: count, suffix: "_bucket" };
  yield { labels, value: sumMs / 1000, suffix: "_sum" };
  yield { labels, value: count, suffix: "_count" };
}

export const trafficFamilies: readonly Family[] = [
  perVersion(
    "levain_requests_total",
    "counter",
    "Requests that were answered, by the class of the status; aborted: the client left before the answer's end.",
    ({ answers }, labels) => byClass(answers, labels),
    ["class"],
  ),
  perVersion(
    "levain_request_duration_seconds",
    "histogram",
    "From the end of a request's head to the end of its answer, those that were aborted left out.",
    buckets,
  ),
  sum(
    "levain_response_bytes_total",
    "Bodies that were sent to clients, counted when the answer ends.",
    ({ sentBytes }) => sentBytes,
  ),
  sum(
    "levain_request_bytes_total",
    "Bodies that were passed on from clients, counted when the answer ends.",
    ({ receivedBytes }) => receivedBytes,
  ),
  perVersion(
    "levain_verdicts_total",
    "counter",
    "Answers of the platform's own and rejections by hooks, by their code.",
    function* ({ verdicts }, labels) {
      for (const [code, value] of verdicts)
        yield { labels: withLabel(labels, "code", code), value };
    },
    ["code"],
  ),
  perVersion(
    "levain_websockets_open",
    "gauge",
    "WebSockets that are open.",
    function* ({ webSockets: { opened, closed } }, labels) {
      yield { labels, value: opened - closed };
    },
  ),
  sum(
    "levain_websockets_opened_total",
    "Requests that became WebSockets; they are not among the answered ones.",
    ({ webSockets }) => webSockets.opened,
  ),
  sum(
    "levain_websocket_seconds_total",
    "How long WebSockets were open, counted when they close.",
    ({ webSockets }) => webSockets.openSumMs / 1000,
  ),
  sum(
    "levain_websocket_sent_bytes_total",
    "Bytes that WebSockets sent to clients, counted when they close.",
    ({ webSockets }) => webSockets.sentBytes,
  ),
  sum(
    "levain_websocket_received_bytes_total",
    "Bytes that WebSockets received from clients, counted when they close.",
    ({ webSockets }) => webSockets.receivedBytes,
  ),
];

/** Of the edge: what belongs to no version. */
export const unroutedFamily: Family = {
  name: "levain_edge_unrouted_total",
  type: "counter",
  help: "Answers to requests that no version was found for, or that could not be read, by the class of the status.",
  labels: ["class"],
  *samples({ lane }) {
    yield* byClass(lane.edge.counters.unrouted, "");
  },
};
