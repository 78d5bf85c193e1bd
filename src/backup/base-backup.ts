/**
 * A base backup over the replication protocol: all files of the cluster as one tar, with the log of changes that makes them
 * consistent at its end, then PostgreSQL's manifest of them.
 *
 *   IDENTIFY_SYSTEM ─▶ slot (keeps the log until the end) ─▶ BASE_BACKUP ─▶ rows ─▶ COPY: archive, manifest ─▶ rows
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { PostgresConnection } from "../store/postgres-server.ts";
import {
  baseBackupQueueBytesMax,
  baseBackupSilenceMs,
  clusterManifestBytesMax,
  replicationTimeoutMs,
} from "./limits.ts";

export interface BaseBackupFacts {
  systemId: string;
  /** Where the log has to be read to, such as `0/1000120`. */
  endLsn: string;
  /** PostgreSQL's own, as text. */
  manifest: string;
}

/**
 * The tar, as it comes; the server waits for who reads slowly. Returns the rest at its end.
 *
 * @param checkpoint `fast` begins at once; `spread` writes what is due over some minutes
 * @throws {PlatformError} `BACKUP_FAILED`
 */
export async function* baseBackup(
  connection: PostgresConnection,
  checkpoint: "fast" | "spread" = "fast",
): AsyncGenerator<Uint8Array, BaseBackupFacts> {
  const client = new pg.Client({
    ...connection,
    replication: "true",
    application_name: "levain backup",
    connectionTimeoutMillis: replicationTimeoutMs,
  } as pg.ClientConfig);
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ systemid: string }>("IDENTIFY_SYSTEM");
    // It goes with this connection. Without it, the log could be removed before it is sent.
    const slot = `levain_backup_${process.pid}_${Date.now()}`;
    await client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY PHYSICAL RESERVE_WAL`);
    const copy = new BackupCopy(checkpoint);
    client.query(copy as never);
    for (;;) {
      const piece = await copy.next();
      if (piece === null) break;
      yield piece;
    }
    return { systemId: rows[0]?.systemid ?? "", endLsn: copy.endLsn, manifest: copy.manifest };
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("BACKUP_FAILED", [`PostgreSQL: ${messageOf(error)}`], { cause: error });
  } finally {
    // In the middle of a copy it would not answer to a polite end.
    (client as unknown as Wired).connection.stream.destroy();
    await client.end().catch(() => {});
  }
}

/** What of `pg` is used below its documented surface: a query object of one's own, as its streams have. */
interface Wired {
  connection: WiredConnection;
}
interface WiredConnection {
  query(sql: string): void;
  stream: { pause(): void; resume(): void; destroy(): void };
}

/** One BASE_BACKUP, as `pg` runs a query. */
class BackupCopy {
  readonly #checkpoint: string;
  readonly #queue: Uint8Array[] = [];
  readonly #manifest: Uint8Array[] = [];
  readonly #lsns: string[] = [];
  #queuedBytes = 0;
  #manifestBytes = 0;
  #part: "none" | "archive" | "manifest" = "none";
  #connection: WiredConnection | null = null;
  #isPaused = false;
  #error: Error | null = null;
  #isDone = false;
  #wake = Promise.withResolvers<void>();

  constructor(checkpoint: string) {
    this.#checkpoint = checkpoint;
  }

  get manifest(): string {
    return Buffer.concat(this.#manifest).toString("utf8");
  }

  get endLsn(): string {
    return this.#lsns.at(-1) ?? "";
  }

  /** Null at the end. @throws what the server, or the connection, has against it */
  async next(): Promise<Uint8Array | null> {
    for (;;) {
      if (this.#error !== null) throw this.#error;
      const piece = this.#queue.shift();
      if (piece !== undefined) {
        this.#queuedBytes -= piece.length;
        if (this.#isPaused && this.#queuedBytes < baseBackupQueueBytesMax / 2) {
          this.#isPaused = false;
          this.#connection?.stream.resume();
        }
        return piece;
      }
      if (this.#isDone) return null;
      this.#wake = Promise.withResolvers();
      const timer = setTimeout(() => {
        this.handleError(new Error(`the server sent nothing for ${baseBackupSilenceMs} ms`));
      }, baseBackupSilenceMs);
      await this.#wake.promise;
      clearTimeout(timer);
    }
  }

  submit(connection: WiredConnection): void {
    this.#connection = connection;
    connection.query(
      `BASE_BACKUP (LABEL 'levain', CHECKPOINT '${this.#checkpoint}', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`,
    );
  }

  handleRowDescription(): void {}

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    // The first row says where it starts, the last where it ends; between them are tablespaces.
    const [lsn, location] = fields;
    if (lsn?.includes("/")) this.#lsns.push(lsn);
    else if (location !== null && location !== undefined) {
      this.handleError(new Error(`tablespace ${location} lies outside of the cluster`));
    }
  }

  handleCopyData({ chunk }: { chunk: Buffer }): void {
    const kind = String.fromCharCode(chunk[0] ?? 0);
    if (kind === "n") this.#part = "archive";
    else if (kind === "m") this.#part = "manifest";
    else if (kind === "d") this.#take(chunk.subarray(1));
    this.#wake.resolve();
  }

  handleCommandComplete(): void {}
  handlePortalSuspended(): void {}
  handleEmptyQuery(): void {}

  handleReadyForQuery(): void {
    this.#isDone = true;
    this.#wake.resolve();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#wake.resolve();
  }

  /** The chunk lies in a buffer that is used again. */
  #take(chunk: Buffer): void {
    const bytes = new Uint8Array(chunk);
    if (this.#part === "manifest") {
      this.#manifestBytes += bytes.length;
      if (this.#manifestBytes > clusterManifestBytesMax) {
        this.handleError(new Error("its manifest is too long"));
      }
      this.#manifest.push(bytes);
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    if (!this.#isPaused && this.#queuedBytes > baseBackupQueueBytesMax) {
      this.#isPaused = true;
      this.#connection?.stream.pause();
    }
  }
}
