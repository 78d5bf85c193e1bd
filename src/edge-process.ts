/**
 * An edge in a process of its own: one of several that share a port. It reads HTTP, routes by the table it was given, and
 * talks to instances over wires that the node lends it. A part of the composition root. Ends with its node.
 *
 *   started ──open──▶ listening ──stop──▶ draining ──▶ exit 0
 *      any of them ──the node is gone──▶ exit
 */
import { closeSync } from "node:fs";
import { Sites } from "./assets/sites.ts";
import { systemClock } from "./base/clock.ts";
import { PlatformError } from "./base/errors.ts";
import { TurnClock } from "./base/turn-clock.ts";
import { versionName } from "./base/version-spec.ts";
import { type Edge, startEdge } from "./edge/edge.ts";
import { descriptorsFd, type EdgeConfig, type FromEdge, type ToEdge } from "./edge-protocol.ts";
import { loadHooks } from "./hooks/load.ts";
import { failedToListen } from "./node-child.ts";
import { LentPools } from "./pool/lent-pools.ts";
import { tickMs } from "./pool/limits.ts";
import { Router } from "./router/router.ts";
import { serveNode } from "./sandbox/child-of-node.ts";
import type { LogRecord } from "./telemetry/log-record.ts";
import { RequestLog } from "./telemetry/request-log.ts";
import { receiveDescriptor } from "./wire/descriptors.ts";

/** Log records between two reports; more are counted and dropped. Count. */
const recordsMax = 1000;

// The table has absolute paths.
const sites = new Sites({ manifestPath: ({ assets }) => assets ?? "" });

interface Open {
  edge: Edge;
  router: Router;
}

let open: Open | null = null;
const clock = new TurnClock(systemClock);
const requestLog = new RequestLog({ sink: { write: keepRequest }, clock });
let records: LogRecord[] = [];
let requestRecords: LogRecord[] = [];
let recordsDropped = 0;

const pools = new LentPools(
  {
    need: ({ app, number, digest }) => send({ type: "need", version: { app, number, digest } }),
    giveBack: (lease, opened) => send({ type: "giveBack", lease, opened }),
    broken: (lease, why) => send({ type: "broken", lease, why }),
  },
  clock,
  requestLog,
);

// Requests of all apps pass through its memory.
serveNode(hear);
setInterval(tick, tickMs);

async function hear(message: ToEdge): Promise<void> {
  switch (message.type) {
    case "open":
      return openEdge(message.config);
    case "table":
      open?.router.publish(message.table);
      return send({ type: "applied", id: message.id });
    case "grant": {
      const descriptor = receiveDescriptor(descriptorsFd);
      const { version, lease, instance } = message;
      if (pools.granted(version, lease, instance, descriptor)) return;
      // It was removed meanwhile.
      closeSync(descriptor);
      return send({ type: "giveBack", lease, opened: 0 });
    }
    case "found":
      return pools.found(message.version, message.from);
    case "refused":
      return pools.refused(message.version, PlatformError.of(message.error));
    case "notYet":
      return pools.notYet(message.version);
    case "recall":
      return pools.recalled(message.lease);
    case "ended":
      return pools.ended(message.lease, PlatformError.of(message.error));
    case "stop":
      await open?.edge.stop(message.drainTimeoutMs);
      requestLog.close();
      report();
      process.exit(0);
  }
}

async function openEdge(config: EdgeConfig): Promise<void> {
  try {
    const { nowMs } = systemClock;
    const hooks = await loadHooks(config.hooks, { nowMs, env: process.env });
    const { domain } = config;
    const router = new Router({
      domain,
      pools,
      onRemoved: (spec) => {
        sites.forget(spec);
        const gone = new PlatformError("VERSION_UNKNOWN", [spec.app, versionName(spec.number)]);
        pools.remove(spec, gone);
      },
    });
    router.publish(config.table);
    const edge = startEdge({
      ...config,
      router,
      sites,
      hooks,
      log: { write: keep },
      clock,
      reusePort: true,
      note: (line) => send({ type: "note", line }),
    });
    open = { edge, router };
    send({ type: "listening", port: edge.port });
  } catch (error) {
    send(failedToListen(error));
  }
}

function keep(record: LogRecord): void {
  if (records.length < recordsMax) records.push(record);
  else recordsDropped += 1;
}

function keepRequest(record: LogRecord): void {
  if (requestRecords.length < recordsMax) requestRecords.push(record);
  else recordsDropped += 1;
}

function tick(): void {
  pools.tick();
  report();
}

function report(): void {
  if (open === null) return;
  const { connections, requests, verdicts, unrouted } = open.edge.counters;
  send({
    type: "report",
    report: {
      counters: { connections, requests, verdicts },
      unrouted: unrouted.total === 0 ? null : unrouted.take(),
      versions: pools.take(),
      leases: pools.leases(),
      records,
      requestRecords,
      recordsDropped,
    },
  });
  records = [];
  requestRecords = [];
  recordsDropped = 0;
}

function send(message: FromEdge): void {
  process.send?.(message);
}
