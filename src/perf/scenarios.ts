/**
 * What is measured. Each scenario is data: the apps it needs, how they are driven, and what their answer has to look like
 * before anything is counted.
 */
import { z } from "zod";
import { ephemeralConcurrencyMax, streamConcurrencyMax } from "./limits.ts";
import { zipfWeights } from "./zipf.ts";

/** Module in `src/perf/apps/`, without its ending. */
export type FixtureModule =
  | "noop"
  | "echo"
  | "slow"
  | "stream"
  | "static"
  | "websocket"
  | "cpu-bound";

/** One app of a scenario. */
export interface FixtureApp {
  /** Also the first label of its host name. */
  name: string;
  module: FixtureModule;
  /** Fresh module state in every request. */
  ephemeral?: boolean;
  /** Stopped as soon as it is idle. */
  stopsWhenIdle?: boolean;
  /** Processes it may run in while it is busy. Default 1. */
  instancesMax?: number;
}

/** A request as a scenario means it, before it has a host. */
export interface ScenarioRequest {
  app: string;
  method: "GET" | "POST";
  target: string;
  headerLines?: readonly string[];
  body?: Uint8Array;
  /** How often it is chosen, relative to the others. Default 1. */
  weight?: number;
}

/** What one request brought, asked before the load. */
export interface ProbeAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

export type Drive =
  | {
      kind: "load";
      transport: "http" | "websocket";
      /** Connections at most, whatever is asked for. Count. */
      concurrencyMax?: number;
      /** Answers take long: see `slowTurnMs`. */
      isSlow?: boolean;
      requests(context: { apps: readonly FixtureApp[]; probe: ProbeAnswer }): ScenarioRequest[];
    }
  | {
      /** One request after the other, each alone on its connection. */
      kind: "shots";
      /** What is done to the instance before each. */
      before: "stop" | "freeze";
      /** Runners that stand ready without an app, so that a start has none to wait for. Count. */
      sparesMax: number;
    };

export interface Scenario {
  name: string;
  /** What it is good at catching. One line. */
  catches: string;
  /** Needs a node of its own: it has to do things to apps. */
  isLocalOnly: boolean;
  /** `count` is `--apps`. */
  apps(count: number): FixtureApp[];
  /** Asked of the first app, once. */
  probe: Omit<ScenarioRequest, "app">;
  /** What is wrong with its answer, in words; null when it is as it should be. */
  mistakeIn(answer: ProbeAnswer): string | null;
  drive: Drive;
}

const get = { method: "GET", target: "/" } as const;
const echoBody = new Uint8Array(1024).fill(0x78);
const echo = {
  method: "POST",
  target: "/",
  headerLines: ["content-type: text/plain"],
  body: echoBody,
} as const;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "warm-noop",
    catches: "what every request costs: parsing, routing, wire, kernel",
    isLocalOnly: false,
    apps: () => [{ name: "warm-noop", module: "noop" }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: load(get),
  },
  {
    name: "echo-1kb",
    catches: "what a body costs: reading it, passing it on, JSON back",
    isLocalOnly: false,
    apps: () => [{ name: "echo-1kb", module: "echo" }],
    probe: echo,
    mistakeIn: (answer) =>
      textOf(answer) === '{"bytes":1024}' ? null : `answered ${shown(answer)}`,
    drive: load(echo),
  },
  {
    name: "slow-50ms",
    catches: "waiting that blocks others: many requests open, little to do",
    isLocalOnly: false,
    apps: () => [{ name: "slow-50ms", module: "slow" }],
    probe: { method: "GET", target: "/?ms=50" },
    mistakeIn: expectBody(2),
    drive: load({ method: "GET", target: "/?ms=50" }, { isSlow: true }),
  },
  {
    name: "ephemeral-noop",
    catches: "fresh module state in every request, and what is left behind",
    isLocalOnly: false,
    apps: () => [{ name: "ephemeral-noop", module: "noop", ephemeral: true }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: load(get, { concurrencyMax: ephemeralConcurrencyMax }),
  },
  {
    name: "stream-1mb",
    catches: "copies of large bodies, flow control, buffers that stay",
    isLocalOnly: false,
    apps: () => [{ name: "stream-1mb", module: "stream" }],
    probe: get,
    mistakeIn: expectBody(1024 * 1024),
    drive: load(get, { concurrencyMax: streamConcurrencyMax }),
  },
  {
    name: "static-50kb",
    catches: "static answers: half in full, half 304 by their ETag",
    isLocalOnly: false,
    apps: () => [{ name: "static-50kb", module: "static" }],
    probe: get,
    mistakeIn: (answer) =>
      expectBody(50 * 1024)(answer) ??
      (answer.headers.has("etag") ? null : "answered without ETag"),
    drive: {
      kind: "load",
      transport: "http",
      requests: ({ apps, probe }) => {
        const request = { app: apps[0]!.name, ...get };
        const etag = probe.headers.get("etag");
        if (etag === null) return [request];
        return [request, { ...request, headerLines: [`if-none-match: ${etag}`] }];
      },
    },
  },
  {
    name: "websocket-echo",
    catches: "tunnels: what a message costs each way",
    isLocalOnly: false,
    apps: () => [{ name: "websocket-echo", module: "websocket" }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: {
      kind: "load",
      transport: "websocket",
      requests: ({ apps }) => [{ app: apps[0]!.name, ...get, body: echoBody.subarray(0, 64) }],
    },
  },
  {
    name: "cpu-bound",
    catches: "a handler of about 1 ms of CPU: how cores are shared out",
    isLocalOnly: false,
    apps: () => [{ name: "cpu-bound", module: "cpu-bound" }],
    probe: get,
    mistakeIn: expectBody(null),
    drive: load(get, { isSlow: true }),
  },
  {
    name: "cpu-bound-2",
    catches: "the same in up to two processes: what a second core gains",
    isLocalOnly: false,
    apps: () => [{ name: "cpu-bound-2", module: "cpu-bound", instancesMax: 2 }],
    probe: get,
    mistakeIn: expectBody(null),
    drive: load(get, { isSlow: true }),
  },
  {
    name: "cold-start",
    catches: "stopped → first byte: process, Bun, app",
    isLocalOnly: true,
    apps: () => [{ name: "cold-start", module: "noop", stopsWhenIdle: true }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: { kind: "shots", before: "stop", sparesMax: 0 },
  },
  {
    name: "cold-start-spare",
    catches: "stopped → first byte when a runner stands ready, as in a node",
    isLocalOnly: true,
    apps: () => [{ name: "cold-start-spare", module: "noop", stopsWhenIdle: true }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: { kind: "shots", before: "stop", sparesMax: 1 },
  },
  {
    name: "wake",
    catches: "frozen → first byte",
    isLocalOnly: true,
    apps: () => [{ name: "wake", module: "noop" }],
    probe: get,
    mistakeIn: expectBody(2),
    drive: { kind: "shots", before: "freeze", sparesMax: 0 },
  },
  {
    name: "many-apps",
    catches: "more apps than places: routing, starts, evictions, hit rate",
    isLocalOnly: true,
    apps: (count) =>
      Array.from({ length: count }, (_, index) => ({
        name: `app-${String(index + 1).padStart(5, "0")}`,
        module: "noop",
      })),
    probe: get,
    mistakeIn: expectBody(2),
    drive: {
      kind: "load",
      transport: "http",
      isSlow: true,
      requests: ({ apps }) => {
        const weights = zipfWeights(apps.length);
        return apps.map(({ name }, index) => ({ app: name, ...get, weight: weights[index]! }));
      },
    },
  },
];

export const scenarioNames: readonly string[] = SCENARIOS.map(({ name }) => name);

/** One request, over and over. */
function load(
  request: Omit<ScenarioRequest, "app">,
  { concurrencyMax, isSlow = false }: { concurrencyMax?: number; isSlow?: boolean } = {},
): Drive {
  return {
    kind: "load",
    transport: "http",
    isSlow,
    ...(concurrencyMax === undefined ? {} : { concurrencyMax }),
    requests: ({ apps }) => [{ app: apps[0]!.name, ...request }],
  };
}

/** 200 with so many bytes; null for any number. */
function expectBody(bytes: number | null): Scenario["mistakeIn"] {
  return (answer) =>
    answer.status === 200 && (bytes === null || answer.body.length === bytes)
      ? null
      : `answered ${shown(answer)}`;
}

function shown(answer: ProbeAnswer): string {
  const verdict = verdictIn(answer);
  if (verdict !== null) return `${answer.status}: ${verdict.code}, ${verdict.message}`;
  const text = textOf(answer).slice(0, 200);
  return `${answer.status} with ${answer.body.length} bytes: ${JSON.stringify(text)}`;
}

const verdictBody = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/** What the node has said instead of the app, or null. */
function verdictIn(answer: ProbeAnswer): { code: string; message: string } | null {
  if (answer.status < 400) return null;
  try {
    return verdictBody.parse(JSON.parse(textOf(answer))).error;
  } catch {
    // The app's own answer, whatever it is.
    return null;
  }
}

function textOf({ body }: ProbeAnswer): string {
  return new TextDecoder().decode(body);
}
