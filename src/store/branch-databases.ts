/**
 * Databases of branches as the store knows them, and what is on the server that none of them has.
 *
 *   leftover ──put()──▶ of a database ──put(), remove()──▶ leftover ──dropped, forget()──▶ gone
 *
 * What is to be made is a leftover first, and what is to be dropped becomes one: whoever ends in the middle leaves a row
 * that says what to drop.
 */
import type { DatabaseOrigin, DatabaseSpec } from "../base/database-spec.ts";
import { PlatformError } from "../base/errors.ts";
import type { Database, Queries } from "./database.ts";

export interface StoredDatabase {
  /** As clients know it. */
  name: string;
  app: string;
  branch: string;
  /** Branch it was copied from; null for none. */
  parent: string | null;
  origin: DatabaseOrigin;
  role: string;
  /** Its password, sealed. */
  sealed: string;
  /** Its name on the server; null: it was dropped, and the next deploy makes it anew. */
  serverDatabase: string | null;
  /** What the last deploy of the branch asked for. */
  spec: DatabaseSpec;
  /** SQL that masks a copy of it, as the last deploy had it. */
  mask: string | null;
  /** The operator's switch. */
  isReadOnly: boolean;
  /** It has more than its `bytesMax`. */
  isOver: boolean;
  /** When it was measured last; null: never. */
  bytes: number | null;
  /** Why it was dropped. */
  note: string | null;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
  usedAtMs: number;
}

/** A database or a role on the server that no row has. */
export interface ServerLeftover {
  kind: "database" | "role";
  name: string;
}

const COLUMNS = `name, app, branch, parent, origin, role, sealed, server_database AS "serverDatabase",
  spec, mask, is_read_only AS "isReadOnly", is_over AS "isOver", bytes, note,
  created_at_ms AS "createdAtMs", used_at_ms AS "usedAtMs"`;

/** Of a `Store`. */
export class BranchDatabases {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By app and branch; production first. */
  list(): Promise<StoredDatabase[]> {
    return this.#database.read((queries) =>
      queries.rows<StoredDatabase>(
        `SELECT ${COLUMNS} FROM levain.databases ORDER BY app, branch <> 'main', branch`,
      ),
    );
  }

  /** @throws {PlatformError} `DATABASE_UNKNOWN` */
  async of(app: string, branch: string): Promise<StoredDatabase> {
    const found = await this.find(app, branch);
    if (found !== null) return found;
    throw new PlatformError("DATABASE_UNKNOWN", [`of app "${app}" on ${branch}`]);
  }

  async find(app: string, branch: string): Promise<StoredDatabase | null> {
    const [row] = await this.#database.read((queries) =>
      queries.rows<StoredDatabase>(
        `SELECT ${COLUMNS} FROM levain.databases WHERE app = $1 AND branch = $2`,
        [app, branch],
      ),
    );
    return row ?? null;
  }

  /**
   * Adds a database or changes it, and at once notes what of the server is its own now, and what is nobody's any more.
   *
   * @param taken what it has now
   * @param left what it had before
   */
  put(
    row: StoredDatabase,
    taken: readonly ServerLeftover[] = [],
    left: readonly ServerLeftover[] = [],
  ): Promise<void> {
    return this.#database.write(async (queries) => {
      await queries.run(
        `INSERT INTO levain.databases (name, app, branch, parent, origin, role, sealed, server_database, spec, mask,
           is_read_only, is_over, bytes, note, created_at_ms, used_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (name) DO UPDATE SET parent = $4, origin = $5, role = $6, sealed = $7, server_database = $8,
           spec = $9, mask = $10, is_read_only = $11, is_over = $12, bytes = $13, note = $14, created_at_ms = $15,
           used_at_ms = $16`,
        [
          row.name,
          row.app,
          row.branch,
          row.parent,
          row.origin,
          row.role,
          row.sealed,
          row.serverDatabase,
          JSON.stringify(row.spec),
          row.mask,
          row.isReadOnly,
          row.isOver,
          row.bytes,
          row.note,
          row.createdAtMs,
          row.usedAtMs,
        ],
      );
      for (const { kind, name } of taken) await forget(queries, kind, name);
      for (const leftover of left) await add(queries, leftover, row.usedAtMs);
    });
  }

  /** Removes the row. Does nothing when there is none. */
  remove(name: string, left: readonly ServerLeftover[], atMs: number): Promise<void> {
    return this.#database.write(async (queries) => {
      await queries.run("DELETE FROM levain.databases WHERE name = $1", [name]);
      for (const leftover of left) await add(queries, leftover, atMs);
    });
  }

  /** What was measured, and when it was used last; leaves all else as it is. */
  note(name: string, seen: Pick<StoredDatabase, "bytes" | "isOver" | "usedAtMs">): Promise<void> {
    return this.#database.write(async (queries) => {
      await queries.run(
        "UPDATE levain.databases SET bytes = $2, is_over = $3, used_at_ms = $4 WHERE name = $1",
        [name, seen.bytes, seen.isOver, seen.usedAtMs],
      );
    });
  }

  /** Another envelope for a password, unless it has changed meanwhile. */
  putResealed(name: string, sealed: string, resealed: string): Promise<void> {
    return this.#database.write(async (queries) => {
      await queries.run("UPDATE levain.databases SET sealed = $3 WHERE name = $1 AND sealed = $2", [
        name,
        sealed,
        resealed,
      ]);
    });
  }

  /** Oldest first. */
  leftovers(): Promise<ServerLeftover[]> {
    return this.#database.read((queries) =>
      queries.rows<ServerLeftover>(
        "SELECT kind, name FROM levain.server_leftovers ORDER BY at_ms, kind, name",
      ),
    );
  }

  /** Before it is made. */
  addLeftover(leftover: ServerLeftover, atMs: number): Promise<void> {
    return this.#database.write((queries) => add(queries, leftover, atMs));
  }

  /** When it is not on the server any more. */
  forgetLeftover({ kind, name }: ServerLeftover): Promise<void> {
    return this.#database.write((queries) => forget(queries, kind, name));
  }
}

async function add(queries: Queries, { kind, name }: ServerLeftover, atMs: number): Promise<void> {
  await queries.run(
    `INSERT INTO levain.server_leftovers (kind, name, at_ms) VALUES ($1, $2, $3)
     ON CONFLICT DO NOTHING`,
    [kind, name, atMs],
  );
}

async function forget(queries: Queries, kind: string, name: string): Promise<void> {
  await queries.run("DELETE FROM levain.server_leftovers WHERE kind = $1 AND name = $2", [
    kind,
    name,
  ]);
}
