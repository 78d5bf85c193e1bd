/**
 * Looks who waits for a lock in branch databases, and for whom: one connection for all apps, and one short query every
 * other second while apps have connections. A wait that lasts is reported once, with the shapes of both statements.
 *
 *   resting ──an app has a connection──▶ looking ──none has──▶ resting
 */
import { messageOf } from "../base/errors.ts";
import type { GuardEvent } from "../relay/guard-event.ts";
import { sqlShape } from "../relay/sql-shape.ts";
import { lockLookMs, lockWaitReportMs, lockWaitsMax } from "./limits.ts";
import type { KeptSession, Server } from "./server.ts";

/** A branch's database, as this watch knows it. */
export interface WatchedDatabase {
  name: string;
  app: string;
  branch: string;
}

/** What waits for locks in one database, as it was seen last. */
export interface LockWaits {
  /** Statements. Count. */
  waiting: number;
  /** Milliseconds; 0 when none waits. */
  longestMs: number;
}

export interface LockWatchOptions {
  server: Server;
  /** Databases that apps have connections to, by their names on the server. */
  databases(): Promise<ReadonlyMap<string, WatchedDatabase>>;
  say(event: GuardEvent): void;
  /** For the node's own log; called once until looking works again. */
  note(line: string): void;
}

interface WaitRow {
  pid: number;
  database: string;
  /** When it began, as the server says it; tells one wait of a process from its next. */
  since: string | null;
  waitedMs: number | null;
  kind: string;
  mode: string;
  query: string | null;
  blockerPid: number | null;
  blockerState: string | null;
  blockerMs: number | null;
  blockerQuery: string | null;
}

const WAITS = `
  SELECT w.pid, w.datname::text AS database, l.waitstart::text AS since,
    (extract(epoch FROM clock_timestamp() - l.waitstart) * 1000)::float8 AS "waitedMs",
    l.locktype AS kind, l.mode, w.query,
    b.pid AS "blockerPid", b.state AS "blockerState", b.query AS "blockerQuery",
    (extract(epoch FROM clock_timestamp() - b.xact_start) * 1000)::float8 AS "blockerMs"
  FROM pg_stat_activity w
  JOIN pg_locks l ON l.pid = w.pid AND NOT l.granted
  LEFT JOIN pg_stat_activity b ON b.pid = (pg_blocking_pids(w.pid))[1]
  WHERE w.wait_event_type = 'Lock' AND w.datname = ANY($1)
  ORDER BY l.waitstart NULLS LAST
  LIMIT ${lockWaitsMax}`;

export class LockWatch {
  readonly #options: LockWatchOptions;
  #session: KeptSession | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #looking: Promise<void> | null = null;
  #isStopped = false;
  #isFailing = false;
  /** By the databases' names for clients. */
  #waits: ReadonlyMap<string, LockWaits> = new Map();
  /** Waits that were reported, of those there still are. */
  #reported = new Set<string>();

  constructor(options: LockWatchOptions) {
    this.#options = options;
  }

  /** By the databases' names for clients; those where nothing waits are not in it. */
  get waits(): ReadonlyMap<string, LockWaits> {
    return this.#waits;
  }

  /** Looks every `lockLookMs` until it is stopped. */
  start(): void {
    if (this.#timer !== null || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.look().finally(() => {
        this.#timer = null;
        this.#looking = null;
        this.start();
      });
    }, lockLookMs);
    // Nobody has to wait for it.
    this.#timer.unref();
  }

  /** Resolves when its connection is closed. Twice is safe. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#looking;
    await this.#session?.close();
    this.#session = null;
  }

  /** One look. Never throws: a server that is away is told about elsewhere. */
  async look(): Promise<void> {
    try {
      const databases = await this.#options.databases();
      if (databases.size === 0) {
        this.#waits = new Map();
        await this.#session?.close();
        this.#session = null;
        return;
      }
      this.#session ??= await this.#options.server.keep();
      const rows = await this.#session.rows<WaitRow>(WAITS, [[...databases.keys()]]);
      this.#take(rows, databases);
      this.#isFailing = false;
    } catch (error) {
      this.#waits = new Map();
      await this.#session?.close();
      this.#session = null;
      if (this.#isFailing) return;
      this.#isFailing = true;
      this.#options.note(`cannot look who waits for locks: ${messageOf(error)}`);
    }
  }

  #take(rows: readonly WaitRow[], databases: ReadonlyMap<string, WatchedDatabase>): void {
    const waits = new Map<string, LockWaits>();
    const reported = new Set<string>();
    for (const row of rows) {
      const database = databases.get(row.database);
      if (database === undefined) continue;
      const waitedMs = row.waitedMs ?? 0;
      const known = waits.get(database.name) ?? { waiting: 0, longestMs: 0 };
      waits.set(database.name, {
        waiting: known.waiting + 1,
        longestMs: Math.max(known.longestMs, waitedMs),
      });
      if (waitedMs < lockWaitReportMs) continue;
      const key = `${row.pid} ${row.since}`;
      reported.add(key);
      if (!this.#reported.has(key)) this.#options.say(eventOf(row, waitedMs, database));
    }
    this.#waits = waits;
    this.#reported = reported;
  }
}

function eventOf(row: WaitRow, waitedMs: number, database: WatchedDatabase): GuardEvent {
  const shape = sqlShape(row.query ?? "");
  const blocker = row.blockerQuery === null ? null : sqlShape(row.blockerQuery);
  return {
    kind: "lock-wait",
    app: database.app,
    branch: database.branch,
    database: database.name,
    requestId: null,
    message: `A statement has waited ${seconds(waitedMs)} for a lock: ${shape.text}; ${holderOf(row)}`,
    fields: {
      waitedMs: Math.round(waitedMs),
      lock: `${row.kind} ${row.mode}`,
      shape: shape.text,
      fingerprint: shape.fingerprint,
      heldBy: blocker?.text ?? null,
      heldByState: row.blockerState,
      heldForMs: row.blockerMs === null ? null : Math.round(row.blockerMs),
    },
  };
}

function holderOf({ blockerPid, blockerState, blockerMs, blockerQuery }: WaitRow): string {
  if (blockerPid === null) return "it is not known who holds it";
  const since = blockerMs === null ? "" : ` since ${seconds(blockerMs)}`;
  const what = blockerQuery === null ? "" : `, last statement: ${sqlShape(blockerQuery).text}`;
  return `held by a transaction that is ${blockerState ?? "open"}${since}${what}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
