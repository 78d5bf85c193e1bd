/**
 * What hooks cost the edge itself, without sockets, wire and app: a connection in memory in front of an instance that
 * answers at once. Sets of hooks take turns in slices of a few milliseconds; the least of a set is what it costs where
 * nobody disturbs it.
 *
 *   bun bench/hooks-in-memory.ts
 */
import { noSites } from "../src/assets/sites.ts";
import { StillClock } from "../src/base/clock-for-tests.ts";
import { Deadlines } from "../src/base/deadlines.ts";
import { TurnClock } from "../src/base/turn-clock.ts";
import { Connection } from "../src/edge/connection.ts";
import { DateLine, type EdgeContext } from "../src/edge/edge-context.ts";
import type { Exchange } from "../src/edge/exchange.ts";
import { Peer } from "../src/edge/forwarded-head.ts";
import { HookChain } from "../src/edge/hook-chain.ts";
import { TraceLines } from "../src/edge/trace-lines.ts";
import { type LoadedHook, loadHooks } from "../src/hooks/load.ts";
import { AnswerCounts, Traffic } from "../src/telemetry/traffic.ts";
import { VerdictLog } from "../src/telemetry/verdict-log.ts";
import { HOOK_SETS } from "./hook-sets.ts";

/** Requests of one slice. */
const sliceRequests = 4000;
/** Slices before those that count: code is compiled meanwhile. */
const warmUpSlices = 20;
const slices = 100;

const head = Buffer.from(
  "GET / HTTP/1.1\r\nHost: probe.localhost\r\nAccept: */*\r\nUser-Agent: wrk\r\nCookie: a=b; c=d\r\n\r\n",
);
const bodyBytes = 5;
const answer = Buffer.from("content-type: text/plain;charset=utf-8\r\nhello");
const blockEnd = answer.length - bodyBytes;

const clock = new StillClock();
/** An instance that answers within the call. */
const instance = {
  spec: {
    app: "probe",
    number: 1,
    branch: "main",
    limits: { streamIdleMs: 1, bodyBytesMax: 1, requestTimeoutMs: 1 },
  },
  traffic: new Traffic(),
  requestLog: null,
  cancel: () => {},
  submit: (exchange: Exchange) => {
    exchange.foundLines = 0;
    exchange.onOpen();
    exchange.onResponse(200, "", bodyBytes, answer, 0, blockEnd, blockEnd, answer.length, true);
  },
};

function connectionWith(hooks: readonly LoadedHook[]): Connection {
  const context: EdgeContext = {
    sites: noSites,
    router: { route: () => instance } as unknown as EdgeContext["router"],
    verdictLog: new VerdictLog({ write: () => {} }, clock, new Deadlines(clock)),
    clock: new TurnClock(clock),
    trace: new TraceLines((bytes) => crypto.getRandomValues(bytes)),
    deadlines: new Deadlines(clock),
    counters: { connections: 0, requests: 0, verdicts: 0, unrouted: new AnswerCounts() },
    date: new DateLine(clock),
    hooks:
      hooks.length === 0
        ? null
        : new HookChain({ hooks, clock, note: console.error, isTrusted: () => false }),
    isTrusted: () => false,
    isDraining: false,
    onClosed: () => {},
  };
  const socket = {
    write: (_data: Uint8Array, _from = 0, bytes = 0) => bytes,
    pause: () => {},
    resume: () => {},
    shutdown: () => {},
    end: () => {},
    terminate: () => {},
  };
  return new Connection(context, socket, new Peer("127.0.0.1", 1, false));
}

const env = { STAFF: `ada:${"0".repeat(64)}` };
const runs: { name: string; connection: Connection; leastNs: number }[] = [];
for (const [name, sources] of Object.entries(HOOK_SETS)) {
  // What is awaited is answered in a later turn, and here there is none.
  if (name.includes("awaited")) continue;
  const hooks = await loadHooks(sources, { env, nowMs: () => performance.now() });
  runs.push({ name, connection: connectionWith(hooks), leastNs: Number.POSITIVE_INFINITY });
}
for (let slice = 0; slice < warmUpSlices + slices; slice++) {
  for (const run of runs) {
    const startNs = Bun.nanoseconds();
    for (let count = 0; count < sliceRequests; count++) run.connection.onData(head);
    const ns = (Bun.nanoseconds() - startNs) / sliceRequests;
    if (slice >= warmUpSlices) run.leastNs = Math.min(run.leastNs, ns);
  }
}

const baseNs = runs[0]?.leastNs ?? Number.NaN;
console.log("| hooks | ns per request | more than none |");
console.log("| --- | --- | --- |");
for (const { name, leastNs } of runs) {
  console.log(`| ${name} | ${leastNs.toFixed(0)} | ${(leastNs - baseNs).toFixed(0)} |`);
}
