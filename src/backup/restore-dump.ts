/**
 * Fills an empty database with a dump, as the role that is to own what is in it: a dump is somebody's SQL, and may do what that
 * role may and nothing more.
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";
import { dropClient } from "../store/pg-inside.ts";
import { dumpEnd } from "./dump-database.ts";
import { dumpStatementTimeoutMs, replicationTimeoutMs } from "./limits.ts";
import { readScript } from "./sql-script.ts";

/**
 * @param source as `dumpDatabase` or pg_dump in its plain format writes it
 * @returns how many statements and tables there were
 * @throws {PlatformError} `DUMP_INVALID` naming the statement; the database has a part of it then
 */
export async function restoreDump(
  config: pg.ClientConfig,
  source: AsyncIterable<Uint8Array>,
): Promise<{ statements: number; tables: number }> {
  const client = new pg.Client({
    ...config,
    application_name: "levain restore",
    connectionTimeoutMillis: replicationTimeoutMs,
    statement_timeout: dumpStatementTimeoutMs,
  });
  client.on("error", () => {});
  let statements = 0;
  let tables = 0;
  let copy: CopyIn | null = null;
  let current = "its beginning";
  const ending = new EndOf(source);
  try {
    await client.connect();
    for await (const piece of readScript(ending)) {
      if (piece.kind === "statement") {
        if (isLeftOut(piece.sql)) continue;
        current = piece.sql;
        await run(client, piece.sql);
        statements += 1;
      } else if (piece.kind === "copy") {
        current = piece.sql;
        copy = new CopyIn(piece.sql);
        client.query(copy as never);
        await copy.isReady;
        tables += 1;
      } else if (piece.kind === "rows") await copy?.write(piece.bytes);
      else {
        await copy?.end();
        copy = null;
      }
    }
    ending.assertWhole();
    return { statements, tables };
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    const shown = current.replace(/\s+/g, " ").slice(0, 120);
    throw new PlatformError("DUMP_INVALID", [`${messageOf(error)} (at: ${shown})`], {
      cause: error,
    });
  } finally {
    await dropClient(client);
  }
}

/** What only a superuser may say; who made the database has done it. */
function isLeftOut(sql: string): boolean {
  return /^COMMENT ON EXTENSION\b/i.test(sql) || /^SET (SESSION AUTHORIZATION|ROLE)\b/i.test(sql);
}

async function run(client: pg.Client, sql: string): Promise<void> {
  try {
    await client.query(sql);
  } catch (error) {
    // It is there in every database, and in the dump when its owner is another one than usual.
    const isPublic = /^CREATE SCHEMA (IF NOT EXISTS )?public\b/i.test(sql);
    if (isPublic && (error as { code?: unknown }).code === "42P06") return;
    throw error;
  }
}

interface WiredCopy {
  query(sql: string): void;
  sendCopyFromChunk(bytes: Buffer): void;
  endCopyFrom(): void;
  stream: NodeJS.WritableStream & { writableNeedDrain: boolean; destroy(): void };
}

/** One COPY … FROM STDIN, as `pg` runs a query. */
class CopyIn {
  readonly #sql: string;
  readonly #ready = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  #connection: WiredCopy | null = null;
  #error: Error | null = null;
  #goOn: () => void = () => {};

  constructor(sql: string) {
    this.#sql = sql;
    this.#done.promise.catch(() => {});
    this.#ready.promise.catch(() => {});
  }

  get isReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves when the connection has room for more. The bytes are copied at once. */
  async write(bytes: Buffer): Promise<void> {
    if (this.#error !== null) throw this.#error;
    const connection = this.#connection as WiredCopy;
    connection.sendCopyFromChunk(bytes);
    if (!connection.stream.writableNeedDrain) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    connection.stream.once("drain", resolve);
    // Not raced with the end of the COPY, which would keep a trace of each wait.
    this.#goOn = resolve;
    await promise;
    connection.stream.removeListener("drain", resolve);
    if (this.#error !== null) throw this.#error;
  }

  end(): Promise<void> {
    this.#connection?.endCopyFrom();
    return this.#done.promise;
  }

  submit(connection: WiredCopy): void {
    this.#connection = connection;
    connection.query(this.#sql);
  }

  handleCopyInResponse(): void {
    this.#ready.resolve();
  }

  handleError(error: Error): void {
    this.#error = error;
    this.#ready.reject(error);
    this.#done.reject(error);
    this.#goOn();
  }

  handleReadyForQuery(): void {
    this.#done.resolve();
    this.#goOn();
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}
}

/** Passes bytes on and remembers the last ones: a script that was cut off between two statements looks whole. */
class EndOf {
  readonly #source: AsyncIterable<Uint8Array>;
  #last: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#source) {
      this.#last = Buffer.concat([this.#last, piece.subarray(-200)]).subarray(-200);
      yield piece;
    }
  }

  /** @throws {PlatformError} `DUMP_INVALID` */
  assertWhole(): void {
    const text = this.#last.toString("latin1");
    if (text.includes(dumpEnd) || text.includes("PostgreSQL database dump complete")) return;
    throw new PlatformError("DUMP_INVALID", ["it was cut off: its last line is missing"]);
  }
}
