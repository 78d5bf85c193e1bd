/**
 * Looks at the locks of a migration while it runs, over a connection of its own, whatever client the migration uses.
 *
 *   start ──▶ look ──interval──▶ look … ──stop──▶ what was found
 *               └── a lock is older than its budget, on the database itself: its session is cancelled, then ended
 *
 * The session of SQL files is known. Those of a command are told by when they began, after the watch. Locks on what a
 * transaction has made itself hold nobody up, and are not seen: the watch's own view of the catalogue does not have them.
 */
import type { Clock } from "../base/clock.ts";
import { type DatabaseLogin, MigrationConnection } from "./connection.ts";
import { lockGraceMs, lockLookTimeoutMs, lockSampleMs, statementCharactersMax } from "./limits.ts";
import { type LockFound, type LockOver, type LockSeen, LockTally } from "./lock-tally.ts";

export interface LockWatchOptions {
  login: DatabaseLogin;
  /** Milliseconds. */
  lockMs: number;
  /** Whether a session over the budget is ended; else it is only found out. */
  isEnforced: boolean;
  clock: Clock;
}

export interface LocksFound {
  held: LockFound | null;
  waited: LockFound | null;
  transactionMs: number;
  /** What a session was ended for; the first one. */
  over: LockOver | null;
}

const LOOK = `
  SELECT l.pid, l.mode, l.granted AS "isGranted", n.nspname || '.' || c.relname AS relation,
    left(a.query, ${statementCharactersMax}) AS statement
  FROM pg_locks l
    JOIN pg_stat_activity a ON a.pid = l.pid
    JOIN pg_class c ON c.oid = l.relation
    JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE l.locktype = 'relation' AND a.datname = current_database()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.pid <> pg_backend_pid() AND a.backend_start >= $1 AND ($2::int IS NULL OR l.pid = $2)
    AND c.relkind IN ('r', 'p', 'm', 'i', 'I') AND c.oid >= 16384
    AND n.nspname <> '_levain'
    AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`;

const OLDEST = `
  SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000), 0)::float8 AS ms
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_start >= $1
    AND ($2::int IS NULL OR pid = $2) AND backend_type = 'client backend'`;

export class LockWatch implements AsyncDisposable {
  readonly #options: LockWatchOptions;
  readonly #connection: MigrationConnection;
  readonly #since: Date;
  readonly #tally = new LockTally();
  #isStopping = false;
  #endPause: () => void = () => {};
  readonly #looking: Promise<void>;
  /** What is being applied. */
  current = "";
  /** The only session that is looked at; null: all that are new. */
  pid: number | null = null;
  #transactionMs = 0;
  #over: LocksFound["over"] = null;
  /** Sessions that were asked to end, and at what age of their lock. */
  readonly #cancelled = new Set<number>();
  #failure: unknown = null;
  readonly failed: Promise<never>;

  /** Call it before the migration connects. @throws what `pg` throws */
  static async start(options: LockWatchOptions): Promise<LockWatch> {
    const connection = await MigrationConnection.open(options.login, "levain lock watch");
    try {
      const timeouts = `SET statement_timeout = ${lockLookTimeoutMs}; SELECT clock_timestamp() AS now`;
      const [row] = await connection.rows<{ now: Date }>(timeouts);
      return new LockWatch(options, connection, row?.now ?? new Date(0));
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: LockWatchOptions, connection: MigrationConnection, since: Date) {
    this.#options = options;
    this.#connection = connection;
    this.#since = since;
    const failed = Promise.withResolvers<never>();
    this.failed = failed.promise;
    failed.promise.catch(() => {});
    this.#looking = this.#look().catch((error) => {
      this.#failure = error;
      failed.reject(error);
    });
  }

  /** After a last look. @throws when looking has failed meanwhile: what it found is not all */
  async stop(): Promise<LocksFound> {
    this.#beLast();
    await this.#looking;
    if (this.#failure !== null) throw this.#failure;
    const { held, waited } = this.#tally;
    return { held, waited, transactionMs: Math.round(this.#transactionMs), over: this.#over };
  }

  /** Ends every session of the migration, such as those of a command that was killed. */
  async endSessions(): Promise<void> {
    await this.#connection.rows(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_start >= $1
         AND application_name <> $2`,
      [this.#since, "levain migrate"],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#beLast();
    await this.#looking;
    await this.#connection[Symbol.asyncDispose]();
  }

  async #look(): Promise<void> {
    const { clock, lockMs, isEnforced } = this.#options;
    for (;;) {
      const isLast = this.#isStopping;
      const during = this.current;
      const rows = await this.#connection.rows<Omit<LockSeen, "during">>(LOOK, [
        this.#since,
        this.pid,
      ]);
      const seen = rows.map((row) => ({ ...row, during }));
      const over = this.#tally.look(seen, clock.nowMs(), lockMs);
      const [oldest] = await this.#connection.rows<{ ms: number }>(OLDEST, [this.#since, this.pid]);
      this.#transactionMs = Math.max(this.#transactionMs, oldest?.ms ?? 0);
      if (isEnforced) for (const [pid, found] of over) await this.#end(pid, found);
      if (isLast) return;
      await this.#pause();
    }
  }

  #beLast(): void {
    this.#isStopping = true;
    this.#endPause();
  }

  async #pause(): Promise<void> {
    if (this.#isStopping) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, lockSampleMs);
    this.#endPause = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** A cancelled statement lets its client say what became of it; who goes on holding the lock is ended. */
  async #end(pid: number, found: LockOver): Promise<void> {
    this.#over ??= found;
    const isFirst = !this.#cancelled.has(pid);
    this.#cancelled.add(pid);
    if (!isFirst && found.ms < this.#options.lockMs + lockGraceMs) return;
    await this.#connection.rows(
      `SELECT CASE WHEN $2 AND state = 'active' THEN pg_cancel_backend(pid) ELSE pg_terminate_backend(pid) END
       FROM pg_stat_activity WHERE pid = $1 AND backend_start >= $3`,
      [pid, isFirst, this.#since],
    );
  }
}
