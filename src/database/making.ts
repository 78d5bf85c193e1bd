/**
 * Makes databases on the server. Each is a leftover in the store from before it is there until a branch has it, so that
 * what a node leaves that ends in the middle is found by the next one and never given to an app.
 *
 *   noted ──▶ created, closed to all ──▶ handed to its role ──▶ emptied or masked ──▶ the branch's
 *     └──────────── failure, or the end of the node ───────────────▶ dropped
 *
 * Nobody can connect before the last step but the role itself, which only the relay knows the password of, and that one is
 * told of it last. An app's own SQL (masks, triggers) runs as that role and never as the server's user.
 */

import type { Clock } from "../base/clock.ts";
import type { DatabaseOrigin } from "../base/database-spec.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { Hold } from "../relay/relay-api.ts";
import type { BranchDatabases, ServerLeftover } from "../store/branch-databases.ts";
import { emptyTables } from "./empty-tables.ts";
import { databaseCopyMs, databaseHeldCopyMs, databaseLoggedCopyBytesMax } from "./limits.ts";
import { type MaskFile, runMask } from "./mask.ts";
import { dropRole } from "./role.ts";
import { type Login, quoted, type Server, type ServerSession, stateOf } from "./server.ts";
import { assertNobodyIn } from "./sole-use.ts";

/** What is copied. */
export interface CopySource {
  /** Its name on the server. */
  database: string;
  /** As its clients know it. */
  name: string;
  /** Its role; what that owns in the copy becomes the new role's. */
  role: string;
}

export interface CopyFacts {
  /** Size of the source. */
  bytes: number;
  copyMs: number;
  /** From the wish to be alone with the source until its queries went on. Milliseconds. */
  pauseMs: number;
  /** Of that, the wait for open transactions. Milliseconds. */
  waitedMs: number;
  /** Sessions that were held. Count. */
  sessions: number;
}

/** Advisory locks of the server's databases that are being made: "database" as a number. */
const LOCK = 0x64617461;

export interface MakingOptions {
  server: Server;
  leftovers(): Pick<BranchDatabases, "addLeftover" | "forgetLeftover" | "leftovers">;
  clock: Clock;
}

export class Making {
  readonly #options: MakingOptions;

  constructor(options: MakingOptions) {
    this.#options = options;
  }

  /**
   * Makes a database under a name and does some work with it. As long as that takes, nobody takes it for left behind; when it
   * fails, the database is dropped. A branch has to have it when `work` resolves.
   */
  async during<Result>(
    names: readonly ServerLeftover[],
    work: () => Promise<Result>,
  ): Promise<Result> {
    const { server, leftovers, clock } = this.#options;
    return await server.within(null, async (session) => {
      // In this order: nobody who sees the leftover gets the lock.
      for (const { name } of names) await lock(session, name);
      for (const leftover of names) await leftovers().addLeftover(leftover, clock.wallMs());
      try {
        return await work();
      } catch (error) {
        await this.#dropUntaken(names).catch(() => {
          // The sweep does it later.
        });
        throw error;
      }
    });
  }

  /** An empty one that its role may do everything in. */
  async createEmpty(database: string, role: string): Promise<void> {
    const { server } = this.#options;
    await server.run(
      `CREATE DATABASE ${quoted(database)} TEMPLATE template0 ENCODING 'UTF8' ALLOW_CONNECTIONS false`,
    );
    await this.#handOver(database, null, role);
  }

  /**
   * A copy, which nobody can connect to yet. All that can be done before is done before the source is held, and what the
   * server has not written yet is written then, which is most of what a copy of files waits for.
   *
   * @param hold lets nobody begin anything on the source
   * @throws {PlatformError} `DATABASE_BUSY` when there is a session in the source that is not the relay's
   */
  async copy(source: CopySource, database: string, hold: () => Promise<Hold>): Promise<CopyFacts> {
    const { server, clock } = this.#options;
    const work = async (session: ServerSession) => {
      const { rows, run } = session;
      const [size] = await rows<{ bytes: string }>("SELECT pg_database_size($1) AS bytes", [
        source.database,
      ]);
      const bytes = Number(size?.bytes ?? 0);
      const isLogged = bytes <= databaseLoggedCopyBytesMax;
      // Servers before 18 have no choice here. Where the file system cannot clone, this copies in the kernel.
      await run("SET file_copy_method = clone").catch(() => {});
      // Not everybody's to ask for; the copy does it too.
      if (!isLogged) await run("CHECKPOINT").catch(() => {});
      const heldFromMs = clock.nowMs();
      const held = await hold();
      try {
        await assertNobodyIn(session, source.database, source.name);
        const startedAtMs = clock.nowMs();
        await create(
          run,
          `CREATE DATABASE ${quoted(database)} TEMPLATE ${quoted(source.database)}
             STRATEGY ${isLogged ? "WAL_LOG" : "FILE_COPY"} ALLOW_CONNECTIONS false`,
          source.name,
        );
        const copyMs = clock.nowMs() - startedAtMs;
        await held.release();
        const { waitedMs, sessions } = held;
        return { bytes, copyMs, waitedMs, sessions, pauseMs: clock.nowMs() - heldFromMs };
      } finally {
        await held.release();
      }
    };
    return await server.within(null, work, { statementMs: databaseHeldCopyMs });
  }

  /** What is done with a copy when its source is let go again. */
  async finishCopy(
    source: CopySource,
    database: string,
    login: Login,
    { origin, masks }: { origin: DatabaseOrigin; masks: readonly MaskFile[] },
  ): Promise<void> {
    const { server } = this.#options;
    await this.#handOver(database, source.role, login.user);
    if (origin === "schema") await emptyTables(server, database, login);
    for (const mask of masks) await runMask(server, database, login, mask);
  }

  /** Drops a database with whoever is in it. Resolves when it is gone. */
  async drop(leftover: ServerLeftover): Promise<void> {
    await this.#dropAll([leftover]);
  }

  /**
   * Drops what a node that ended has left, but for what somebody is about to make.
   *
   * @returns what is gone
   */
  async sweep(): Promise<ServerLeftover[]> {
    const { server, leftovers } = this.#options;
    const found = await leftovers().leftovers();
    const gone: ServerLeftover[] = [];
    // Databases first: roles own what is in them.
    const sorted = found.sort((one, other) => (one.kind < other.kind ? -1 : 1));
    for (const leftover of sorted) {
      const isGone = await server.within(null, async (session) => {
        if (!(await tryLock(session, leftover.name))) return false;
        return this.#dropAll([leftover]);
      });
      if (isGone) gone.push(leftover);
    }
    return gone;
  }

  /** A call of the store that seemed to fail may have given them to a branch all the same. */
  async #dropUntaken(names: readonly ServerLeftover[]): Promise<void> {
    const left = await this.#options.leftovers().leftovers();
    const isLeft = ({ kind, name }: ServerLeftover) =>
      left.some((other) => other.kind === kind && other.name === name);
    await this.#dropAll(names.filter(isLeft));
  }

  /** @returns false when something has to stay for now */
  async #dropAll(names: readonly ServerLeftover[]): Promise<boolean> {
    const { server, leftovers } = this.#options;
    let isGone = true;
    for (const leftover of names.toSorted((one, other) => (one.kind < other.kind ? -1 : 1))) {
      if (leftover.kind === "database") {
        await server.run(
          `DROP DATABASE IF EXISTS ${quoted(leftover.name)} WITH (FORCE)`,
          databaseCopyMs,
        );
      } else if (!(await dropRole(server, leftover.name))) {
        isGone = false;
        continue;
      }
      await leftovers().forgetLeftover(leftover);
    }
    return isGone;
  }

  /** Opens it to its role alone, and gives that what was its predecessor's. */
  async #handOver(database: string, before: string | null, role: string): Promise<void> {
    const { server } = this.#options;
    const shown = quoted(database);
    await server.within(null, async ({ run }) => {
      await run(`REVOKE ALL ON DATABASE ${shown} FROM PUBLIC`);
      await run(`GRANT CONNECT, CREATE, TEMPORARY ON DATABASE ${shown} TO ${quoted(role)}`);
      await run(`ALTER DATABASE ${shown} ALLOW_CONNECTIONS true`);
    });
    await server.within(
      database,
      async ({ run, rows }) => {
        const schemas = await rows("SELECT FROM pg_namespace WHERE nspname = 'public'");
        if (before !== null && before !== role) {
          await run(`REASSIGN OWNED BY ${quoted(before)} TO ${quoted(role)}`);
        } else if (before === null && schemas.length > 0) {
          await run(`ALTER SCHEMA public OWNER TO ${quoted(role)}`);
        }
      },
      { statementMs: databaseCopyMs },
    );
  }
}

/** Says what PostgreSQL has against a copy in our own words. */
async function create(run: ServerSession["run"], sql: string, name: string): Promise<void> {
  try {
    await run(sql);
  } catch (error) {
    // A server that dies cancels what runs with the same code.
    if (stateOf(error) === "57014" && /statement timeout/.test(messageOf(error))) {
      const what = `its copy took longer than ${databaseHeldCopyMs} ms, and its queries cannot wait longer`;
      throw new PlatformError("DATABASE_BUSY", [name, what], { cause: error });
    }
    // 55006: somebody has connected since we looked.
    if (stateOf(error) === "55006") {
      throw new PlatformError("DATABASE_BUSY", [name, "somebody has just connected to it"], {
        cause: error,
      });
    }
    throw error;
  }
}

async function lock({ rows }: ServerSession, name: string): Promise<void> {
  await rows("SELECT pg_advisory_lock($1, hashtext($2))", [LOCK, name]);
}

async function tryLock({ rows }: ServerSession, name: string): Promise<boolean> {
  const [row] = await rows<{ isFree: boolean }>(
    'SELECT pg_try_advisory_lock($1, hashtext($2)) AS "isFree"',
    [LOCK, name],
  );
  return row?.isFree === true;
}
