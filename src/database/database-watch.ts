/**
 * Looks at databases once a minute: who used them, how large they are, and what follows. One beyond its `bytesMax` takes no
 * more writes until there is room again; a preview's that nobody used for its `ttlMs` is dropped. What could not be dropped
 * before is tried again.
 */
import type { Clock } from "../base/clock.ts";
import type { RelayFacts } from "../relay/relay-api.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { Databases } from "./databases.ts";
import { databaseUseNoteMs, databaseWatchMs } from "./limits.ts";
import type { RolePasswords } from "./role-passwords.ts";
import type { Server } from "./server.ts";
import { isExpired, isOverNow, showAge } from "./use-rule.ts";

export interface DatabaseWatchOptions {
  databases: Pick<Databases, "list" | "of" | "noteUse" | "expire" | "sweep">;
  passwords: Pick<RolePasswords, "mend">;
  server: Pick<Server, "rows">;
  /** Null while no relay runs. */
  facts(): Promise<RelayFacts> | null;
  clock: Clock;
  log: LogSink;
  /** What could not be done, for the node's log. */
  report(thrown: unknown): void;
  everyMs?: number;
}

export class DatabaseWatch {
  readonly #options: DatabaseWatchOptions;
  /** Queries that were counted at the last look, by name. */
  #queries = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;
  /** Wall-clock time. Milliseconds. */
  readonly #startedAtMs: number;

  constructor(options: DatabaseWatchOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.wallMs();
  }

  start(): void {
    const { everyMs = databaseWatchMs, report } = this.#options;
    this.#timer = setTimeout(() => {
      this.#looking = this.look().catch(report);
      void this.#looking.then(() => {
        if (!this.#isStopped) this.start();
      });
    }, everyMs);
    this.#timer.unref();
  }

  /** What is under way ends first. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** One look at all of them. */
  async look(): Promise<void> {
    const { databases, clock, report } = this.#options;
    const there = databases.list().filter((row) => row.serverDatabase !== null);
    if (there.length > 0) {
      const used = await this.#used();
      const sizes = await this.#sizes(there);
      for (const row of there) {
        await this.#note(row, used.has(row.name), sizes.get(row.serverDatabase!)).catch(report);
      }
      await this.#mendPasswords(there).catch(report);
    }
    for (const row of databases.list()) {
      if (!isExpired(row, clock.wallMs())) continue;
      // While no node ran, nobody could use it.
      if (clock.wallMs() - this.#startedAtMs <= row.spec.ttlMs) continue;
      const why = `nobody used it for ${showAge(row.spec.ttlMs)}`;
      if ((await databases.expire(row, clock.wallMs(), why).catch(report)) !== true) continue;
      this.#say(
        row,
        `The database of ${row.branch} was dropped: ${why}; the next deploy makes it anew`,
      );
    }
    await databases.sweep();
  }

  async #note(row: StoredDatabase, isUsed: boolean, size: number | undefined): Promise<void> {
    const { databases, clock } = this.#options;
    const bytes = size ?? row.bytes;
    const isOver = bytes === null ? row.isOver : isOverNow(row, bytes);
    const usedAtMs = isUsed ? clock.wallMs() : row.usedAtMs;
    const isLate = usedAtMs - row.usedAtMs > Math.min(databaseUseNoteMs, row.spec.ttlMs / 10);
    if (bytes === row.bytes && isOver === row.isOver && !isLate) return;
    await databases.noteUse(row.name, { bytes, isOver, usedAtMs });
    if (isOver === row.isOver) return;
    const { bytesMax } = row.spec;
    this.#say(
      row,
      isOver
        ? `The database of ${row.branch} has ${bytes} bytes, more than its bytesMax of ${bytesMax}: it takes no more writes`
        : `The database of ${row.branch} has ${bytes} bytes, within its bytesMax of ${bytesMax}: it takes writes again`,
    );
  }

  async #mendPasswords(rows: readonly StoredDatabase[]): Promise<void> {
    const { databases, passwords, report } = this.#options;
    const open = rows.flatMap(({ app, branch }) => {
      try {
        return [databases.of(app, branch)];
      } catch (error) {
        report(error);
        return [];
      }
    });
    for (const row of await passwords.mend(open)) {
      this.#say(
        row,
        `A statement had changed the password of the database of ${row.branch}; it is what the node knows again`,
      );
    }
  }

  /** Names of those that had queries since the last look. */
  async #used(): Promise<Set<string>> {
    const facts = await this.#options.facts();
    const now = new Map(facts?.databases.map(({ name, counters }) => [name, counters.queries]));
    const used = [...now].filter(([name, queries]) => queries !== (this.#queries.get(name) ?? 0));
    this.#queries = now;
    return new Set(used.map(([name]) => name));
  }

  /** Bytes by their names on the server. */
  async #sizes(rows: readonly StoredDatabase[]): Promise<Map<string, number>> {
    const sizes = await this.#options.server.rows<{ name: string; bytes: string }>(
      "SELECT datname AS name, pg_database_size(oid) AS bytes FROM pg_database WHERE datname = ANY ($1)",
      [rows.map(({ serverDatabase }) => serverDatabase)],
    );
    return new Map(sizes.map(({ name, bytes }) => [name, Number(bytes)]));
  }

  #say({ app, branch }: StoredDatabase, message: string): void {
    this.#options.log.write({
      time: new Date(this.#options.clock.wallMs()).toISOString(),
      app,
      version: null,
      instance: null,
      stream: "platform",
      requestId: null,
      event: "database",
      message,
      fields: { branch },
    });
  }
}
