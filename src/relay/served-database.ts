/**
 * One database that the relay serves: its sessions, its connections to the server, and whether somebody holds it.
 *
 *   open ──hold()──▶ emptying ──the last connection is gone──▶ held ──release(), lapse──▶ open
 *                       └──something still runs──▶ open (DATABASE_BUSY)
 */
import type { Deadlines } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import { LatencyHistogram } from "../telemetry/latency-histogram.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { Batch } from "./batch.ts";
import { Guard } from "./guard.ts";
import type { GuardLog } from "./guard-log.ts";
import * as limits from "./limits.ts";
import { idle, type SqlError } from "./messages.ts";
import type {
  Hold,
  HoldOptions,
  RelayCounters,
  RelayDatabase,
  RelayDatabaseFacts,
} from "./relay-api.ts";
import { type ScramKeys, scramKeys } from "./scram.ts";
import { ServerPool } from "./server-pool.ts";
import type { Session } from "./session.ts";
import type { SessionHost } from "./session-host.ts";
import type { Statement } from "./session-messages.ts";
import { StatementFeatures } from "./statement-features.ts";
import { SharedStatements } from "./statement-names.ts";

export interface ServedDatabaseOptions {
  database: RelayDatabase;
  clock: TurnClock;
  deadlines: Deadlines;
  guardLog: GuardLog;
  /** Of 16 random bytes. */
  salt: Buffer;
  /** The app's. */
  log: LogSink;
  onLeft(session: Session): void;
}

export class ServedDatabase implements SessionHost {
  readonly clock: TurnClock;
  readonly deadlines: Deadlines;
  readonly features = new StatementFeatures();
  readonly servers: ServerPool;
  readonly sessions = new Set<Session>();
  readonly counters: RelayCounters = {
    queries: 0,
    errors: 0,
    relayErrors: 0,
    retries: 0,
    reconnects: 0,
    releases: 0,
    lapsedWaits: 0,
    slowStatements: 0,
    overBudget: 0,
    timeouts: 0,
    endedTransactions: 0,
    refusals: 0,
    bytesFromClients: 0,
    bytesToClients: 0,
  };
  readonly #options: ServedDatabaseOptions;
  readonly #guard: Guard;
  readonly #statements = new SharedStatements();
  readonly #latency = new LatencyHistogram();
  readonly #holds = new Set<object>();
  /** Startup parameters, one object for all that are equal, by what they say. */
  readonly #parameters = new Map<string, ReadonlyMap<string, string>>();
  readonly #reported = new WeakMap<ReadonlyMap<string, string>, ReadonlyMap<string, string>>();
  #database: RelayDatabase;
  #keys: ScramKeys;

  constructor(options: ServedDatabaseOptions) {
    const { database, clock, deadlines, salt } = options;
    this.#options = options;
    this.#database = database;
    this.clock = clock;
    this.deadlines = deadlines;
    this.#keys = keysOf(database, salt);
    this.servers = new ServerPool({ database, clock, deadlines, reclaim: () => this.#reclaim() });
    this.#guard = new Guard({
      database,
      sessions: this.sessions,
      counters: this.counters,
      clock,
      deadlines,
      log: options.guardLog,
      cancel: (server) => this.servers.cancel(server),
    });
  }

  get database(): RelayDatabase {
    return this.#database;
  }

  /** For the log-in of its role. */
  get keys(): ScramKeys {
    return this.#keys;
  }

  /** Sessions go on; see `Relay.put`. */
  set database(database: RelayDatabase) {
    const before = this.#database;
    this.#database = database;
    if (passwordOf(database) !== passwordOf(before)) {
      this.#keys = keysOf(database, this.#options.salt);
    }
    this.servers.database = database;
    this.#guard.database = database;
    for (const session of [...this.sessions]) {
      if (session.server?.isStale && !this.#guard.onOutdated(session)) session.tenancy.yield();
    }
  }

  // --- what sessions ask ---

  get isHeld(): boolean {
    return this.#holds.size > 0;
  }

  get idleReleaseMs(): number {
    return this.#database.guard.idleReleaseMs;
  }

  reportedOf(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> | null {
    return this.#reported.get(parameters) ?? null;
  }

  noteReported(
    parameters: ReadonlyMap<string, string>,
    reported: ReadonlyMap<string, string>,
  ): void {
    this.#reported.set(parameters, reported);
    for (const session of [...this.sessions]) {
      if (session.parameters === parameters) session.welcome(reported);
    }
  }

  get isReadOnly(): boolean {
    return this.#database.guard.isReadOnly;
  }

  get statements(): SharedStatements | null {
    return this.#database.pooling === "transaction" ? this.#statements : null;
  }

  get wantsTexts(): boolean {
    return this.#guard.wantsTexts;
  }

  refusalOf(session: Session, statement: Statement): SqlError | null {
    return this.#guard.refusalOf(session, statement);
  }

  onLapsed(): void {
    this.#guard.onLapsed();
  }

  onBatchBegin(_session: Session, _batch: Batch): void {
    this.#guard.onBatchBegin();
  }

  onBatchEnd(session: Session, batch: Batch): void {
    this.#latency.add(batch.endedMs - batch.startedMs);
    this.#guard.onBatchEnd(session, batch);
  }

  onLeft(session: Session): void {
    this.sessions.delete(session);
    this.servers.forget(session.tenancy);
    this.#options.onLeft(session);
  }

  /** The same object for equal parameters, so that they can be compared at once. */
  shared(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const name = JSON.stringify([...parameters].sort(([left], [right]) => (left < right ? -1 : 1)));
    const known = this.#parameters.get(name);
    if (known !== undefined) return known;
    if (this.#parameters.size < limits.parameterSetsMax) this.#parameters.set(name, parameters);
    return parameters;
  }

  // --- what the relay asks ---

  /** See `Relay.hold`. */
  async hold({ timeoutMs, lapseMs = limits.holdMsMax }: HoldOptions): Promise<Hold> {
    const startedMs = this.clock.nowMs();
    const hold = {};
    this.#holds.add(hold);
    this.servers.hold();
    for (const session of [...this.sessions]) session.tenancy.yield();
    if (!(await this.#isEmptyWithin(timeoutMs))) {
      const busy = this.#busiest();
      this.#letGo(hold);
      throw new PlatformError("DATABASE_BUSY", [this.#database.name, busy]);
    }
    const lapse = setTimeout(() => this.#letGo(hold), lapseMs);
    return {
      waitedMs: this.clock.nowMs() - startedMs,
      sessions: this.sessions.size,
      release: async () => {
        clearTimeout(lapse);
        return this.#letGo(hold);
      },
    };
  }

  /** Ends everything. Resolves when the server has closed all connections. */
  async close(code: string, message: string): Promise<void> {
    for (const session of [...this.sessions]) session.fail({ severity: "FATAL", code, message });
    this.servers.close();
    this.#guard.close();
    await this.servers.ended();
  }

  facts(): RelayDatabaseFacts {
    const { name, app, branch } = this.#database;
    const sessions = [...this.sessions];
    const open = sessions.filter(({ status }) => status !== idle);
    const nowMs = this.clock.nowMs();
    const ages = open.map(({ transactionMs }) => nowMs - transactionMs);
    return {
      name,
      app,
      branch,
      isHeld: this.isHeld,
      sessions: sessions.length,
      serverConnections: this.servers.size,
      pinned: sessions.filter(({ tenancy }) => tenancy.memory.pin !== null).length,
      inTransaction: open.length,
      waiting: sessions.filter(({ isWaiting }) => isWaiting).length,
      oldestTransactionMs: ages.length === 0 ? null : Math.max(...ages),
      counters: { ...this.counters },
      latency: this.#latency.read(),
    };
  }

  // --- private ---

  /** Somebody waits for a connection: those who have used theirs longest ago are asked first. */
  #reclaim(): void {
    this.#endStalled();
    const beforeMs = this.clock.nowMs() - limits.restMs;
    const idlest = [...this.sessions]
      .filter(({ tenancy }) => tenancy.canYield && tenancy.idleSinceMs <= beforeMs)
      .sort((left, right) => left.tenancy.idleSinceMs - right.tenancy.idleSinceMs);
    for (const session of idlest.slice(0, this.servers.waiting)) session.tenancy.yield();
  }

  /** Those who take nothing of their answer have a connection for nothing. */
  #endStalled(): void {
    const stalled = [...this.sessions]
      .filter(({ server, client }) => server !== null && client.stalledMs > stalledWantedMsMax)
      .sort((left, right) => right.client.stalledMs - left.client.stalledMs);
    for (const session of stalled.slice(0, this.servers.waiting)) session.fail(tookNothing);
  }

  async #isEmptyWithin(timeoutMs: number): Promise<boolean> {
    const late = Promise.withResolvers<boolean>();
    const timer = setTimeout(late.resolve, timeoutMs, false);
    const empty = this.servers.ended().then(() => true);
    const isEmpty = await Promise.race([empty, late.promise]);
    clearTimeout(timer);
    return isEmpty;
  }

  #letGo(hold: object): boolean {
    if (!this.#holds.delete(hold)) return false;
    if (this.isHeld) return true;
    this.servers.release();
    for (const session of [...this.sessions]) session.tenancy.goOn();
    return true;
  }

  /** What a hold waits for, in words. */
  #busiest(): string {
    const nowMs = this.clock.nowMs();
    const busy = [...this.sessions].filter(({ server }) => server !== null);
    const open = busy.filter((session) => !session.isIdle);
    const oldest = open.sort((left, right) => busySinceMs(left) - busySinceMs(right))[0];
    if (oldest !== undefined) {
      const what = oldest.status === idle ? "statement" : "transaction";
      return `a ${what} has been open for ${Math.round(nowMs - busySinceMs(oldest))} ms`;
    }
    const pin = busy.map(({ tenancy }) => tenancy.memory.pin).find((one) => one !== null);
    if (pin != null) return `a session has a ${pin}`;
    return "PostgreSQL has not closed its connections";
  }
}

const { stalledWantedMsMax } = limits;

const tookNothing: SqlError = {
  severity: "FATAL",
  code: "57P05",
  message: `the client has taken nothing of its answer for ${stalledWantedMsMax} ms, and other sessions wait for its connection`,
  hint: "Read answers as they come, or raise database.poolMax in levain.config.ts.",
};

/** Clock time since when something is under way: the open transaction, or the first batch. Milliseconds. */
function busySinceMs({ status, transactionMs, batches }: Session): number {
  if (status !== idle) return transactionMs;
  return batches[0]?.startedMs ?? Number.POSITIVE_INFINITY;
}

function passwordOf({ password, clientPassword }: RelayDatabase): string {
  return clientPassword ?? password;
}

function keysOf(database: RelayDatabase, salt: Buffer): ScramKeys {
  return scramKeys(passwordOf(database), salt, limits.scramRounds);
}
