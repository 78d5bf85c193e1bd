/**
 * The edges of a node that has several: processes that share its port. The node lends them instances and keeps what they
 * count and log; one that ends is started again. A part of the composition root.
 *
 *   starting ──listening──▶ serving ──exit──▶ (pause) starting …
 *                              └──stop──▶ draining ──▶ gone
 */
import type { Clock } from "./base/clock.ts";
import { asPlatformError, InvariantError, messageOf, PlatformError } from "./base/errors.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import type { Edge } from "./edge/edge.ts";
import type { EdgeCounters } from "./edge/edge-context.ts";
import { EdgeChild } from "./edge-child.ts";
import type { EdgeConfig, EdgeReport } from "./edge-protocol.ts";
import type { VersionKey } from "./pool/lent-pools.ts";
import type { Pools } from "./pool/pools.ts";
import { RestartPause } from "./restart-pause.ts";
import type { RouteTable } from "./router/route-table.ts";
import type { LogRecord, LogSink } from "./telemetry/log-record.ts";
import { AnswerCounts } from "./telemetry/traffic.ts";

export interface EdgesOptions extends Omit<EdgeConfig, "table"> {
  /** Processes. Count, 2 or more. */
  edges: number;
  table: RouteTable;
  pools: Pools;
  log: LogSink;
  /** Where requests are recorded. */
  requests: LogSink;
  /** Absolute path of a version's asset manifest. May throw. */
  manifestPath(spec: VersionSpec): string;
  clock: Clock;
  note(line: string): void;
}

/** One process that accepts connections. */
export interface EdgeFacts {
  pid: number;
  connections: number;
  requests: number;
}

/** How long an edge may take to put a table into effect before it is started anew with it. Milliseconds. */
const publishTimeoutMs = 5000;

/** Before one that ended is started again, the first time. Milliseconds. */
const restartPauseMs = 100;

/** How long an edge may take to end after its time to drain. Milliseconds. */
const endTimeoutMs = 2000;

export class Edges implements Edge {
  readonly port: number;
  readonly #options: EdgesOptions;
  readonly #children = new Set<EdgeChild>();
  /** Of edges that have ended. */
  readonly #past: EdgeCounters = {
    connections: 0,
    requests: 0,
    verdicts: 0,
    unrouted: new AnswerCounts(),
  };
  #table: RouteTable;
  readonly #restartPause = new RestartPause(restartPauseMs);
  #stopped: Promise<void> | null = null;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  /**
   * Resolves when all of them listen.
   *
   * @throws whatever the socket says, with its `code`; {PlatformError} what a hook has against it. Nothing is left then.
   */
  static async start(options: EdgesOptions): Promise<Edges> {
    const edges = new Edges(options, freePort(options));
    const first = Array.from({ length: options.edges }, () => edges.#open());
    try {
      await Promise.all(first.map(({ listening }) => listening));
    } catch (error) {
      await edges.stop(0);
      throw error;
    }
    for (const child of first) edges.#keepUp(child);
    return edges;
  }

  private constructor(options: EdgesOptions, port: number) {
    this.#options = options;
    this.#table = forEdge(options.table, options);
    this.port = port;
  }

  /** Each as it said last. */
  get each(): EdgeFacts[] {
    return [...this.#children].map(({ pid, counters }) => {
      const { connections, requests } = counters;
      return { pid, connections, requests };
    });
  }

  /** Not here: each edge takes its own. */
  accept(): never {
    throw new InvariantError("an edge in a process of its own takes its own connections");
  }

  /** Not needed: what edges say about an app that is gone is dropped. */
  forget(): void {}

  /** Of all edges together. */
  get counters(): EdgeCounters {
    const total = { ...this.#past };
    for (const { counters } of this.#children) {
      total.connections += counters.connections;
      total.requests += counters.requests;
      total.verdicts += counters.verdicts;
    }
    return total;
  }

  /** Resolves when every edge routes by the table; one that does not in good time is started anew with it. */
  async publish(table: RouteTable): Promise<void> {
    this.#table = forEdge(table, this.#options);
    await Promise.all(
      [...this.#children].map((child) => child.publish(this.#table, publishTimeoutMs)),
    );
  }

  /** See `Edge.stop`. */
  stop(drainTimeoutMs: number): Promise<void> {
    this.#stopped ??= (async () => {
      for (const timer of this.#timers) clearTimeout(timer);
      const children = [...this.#children];
      await Promise.all(children.map((child) => child.stop(drainTimeoutMs, endTimeoutMs)));
    })();
    return this.#stopped;
  }

  #open(): EdgeChild {
    const { edges, hostname, domain, trustedProxies, connectionsMax, hooks, clock } = this.#options;
    const child = new EdgeChild({
      config: {
        hostname,
        port: this.port,
        domain,
        trustedProxies,
        connectionsMax: Math.ceil(connectionsMax / edges),
        hooks,
        table: this.#table,
      },
      startedAtMs: clock.nowMs(),
      onNeed: (one, version) => void this.#lend(one, version),
      onReport: (one, report) => this.#take(one, report),
      note: this.#options.note,
    });
    this.#children.add(child);
    void child.exited.then(() => {
      this.#children.delete(child);
      this.#past.requests += child.counters.requests;
      this.#past.verdicts += child.counters.verdicts;
    });
    return child;
  }

  /** Starts another one when this one ends. */
  #keepUp(child: EdgeChild): void {
    void child.exited.then((how) => {
      if (this.#stopped !== null) return;
      const { note, clock } = this.#options;
      const pauseMs = this.#restartPause.after(clock.nowMs() - child.startedAtMs);
      note(`An edge ended (${how}); another one is started in ${pauseMs} ms`);
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        const next = this.#open();
        next.listening.catch((error) => {
          note(`An edge cannot start: ${messageOf(error)}`);
          next.kill();
        });
        this.#keepUp(next);
      }, pauseMs);
      this.#timers.add(timer);
    });
  }

  async #lend(child: EdgeChild, version: VersionKey): Promise<void> {
    const pool = this.#options.pools.find(version);
    try {
      if (pool === null)
        throw new PlatformError("VERSION_UNKNOWN", [version.app, `v${version.number}`]);
      // Now, and not when it is up.
      const { state } = pool;
      if (state === "warm") child.found(version, null);
      else if (state === "frozen" || state === "paged") child.found(version, state);
      let lent = 0;
      for (const instance of await pool.awake()) if (instance.leases.lend(child)) lent += 1;
      if (lent === 0) child.notYet(version);
    } catch (error) {
      child.refuse(version, asPlatformError(error));
    }
  }

  #take(child: EdgeChild, report: EdgeReport): void {
    const { pools, log, requests, note } = this.#options;
    const { versions, unrouted, leases, records, requestRecords, recordsDropped } = report;
    if (unrouted !== null) this.#past.unrouted.addAll(unrouted);
    for (const version of versions) {
      const pool = pools.find(version);
      if (version.counts !== null) pool?.counters.add(version.counts);
      if (version.traffic !== null) pool?.traffic.addAll(version.traffic);
    }
    for (const use of leases) child.note(use);
    // A late record must not bring the log of a deleted app back.
    const isThere = ({ app }: LogRecord) => this.#table.apps[app] !== undefined;
    for (const record of records.filter(isThere)) log.write(record);
    for (const record of requestRecords.filter(isThere)) requests.write(record);
    if (recordsDropped > 0) note(`An edge dropped ${recordsDropped} log records: too many at once`);
  }
}

/** A table as edges need it: without what only the processes of apps should know, limits shared out. */
function forEdge({ revision, apps }: RouteTable, options: EdgesOptions): RouteTable {
  const { edges, manifestPath } = options;
  // Edges know nothing of the artifact store; what is not in it cannot be read there either.
  const assetsOf = (spec: VersionSpec) => {
    if (spec.assets === null) return null;
    try {
      return manifestPath(spec);
    } catch {
      return spec.assets;
    }
  };
  const share = (limit: number) => Math.ceil(limit / edges);
  const specFor = (spec: VersionSpec): VersionSpec => ({
    ...spec,
    env: {},
    assets: assetsOf(spec),
    limits: {
      ...spec.limits,
      concurrencyMax: share(spec.limits.concurrencyMax),
      queueMax: share(spec.limits.queueMax),
    },
  });
  const entries = Object.entries(apps).map(([name, app]) => {
    const versions = Object.entries(app.versions).map(([number, spec]) => [number, specFor(spec)]);
    return [name, { ...app, versions: Object.fromEntries(versions) }];
  });
  return { revision, apps: Object.fromEntries(entries) };
}

/**
 * A port that nobody listens on: processes that share a port would share it with those of another node, too.
 *
 * @throws whatever the socket says, with its `code`
 */
function freePort({ hostname, port }: EdgesOptions): number {
  const probe = Bun.listen({ hostname, port, socket: { data() {} } });
  const free = probe.port;
  probe.stop(true);
  return free;
}
