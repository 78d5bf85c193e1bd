/**
 * A base backup over the replication protocol: all files of the cluster as one tar, with the log of changes that makes them
 * consistent at its end, then PostgreSQL's manifest of them.
 *
 *   IDENTIFY_SYSTEM ─▶ slot (keeps the log until the end) ─▶ BASE_BACKUP ─▶ rows ─▶ COPY: archive, manifest ─▶ rows
 */
import pg from "pg";
import { messageOf, PlatformError } from "../base/errors.ts";
import { dropClient } from "../store/pg-inside.ts";
import type { PostgresConnection } from "../store/postgres-server.ts";
import { CopyOut } from "./copy-out.ts";
import { clusterManifestBytesMax, replicationTimeoutMs } from "./limits.ts";

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
    await dropClient(client);
  }
}

/** One BASE_BACKUP: the archive is what is read, the manifest is kept. */
class BackupCopy extends CopyOut {
  readonly #manifest: Uint8Array[] = [];
  readonly #lsns: string[] = [];
  #manifestBytes = 0;
  #part: "none" | "archive" | "manifest" = "none";

  constructor(checkpoint: string) {
    super(
      `BASE_BACKUP (LABEL 'levain', CHECKPOINT '${checkpoint}', WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')`,
    );
  }

  get manifest(): string {
    return Buffer.concat(this.#manifest).toString("utf8");
  }

  get endLsn(): string {
    return this.#lsns.at(-1) ?? "";
  }

  override handleDataRow({ fields }: { fields: (string | null)[] }): void {
    // The first row says where it starts, the last where it ends; between them are tablespaces.
    const [lsn, location] = fields;
    if (lsn?.includes("/")) this.#lsns.push(lsn);
    else if (location !== null && location !== undefined) {
      this.handleError(new Error(`tablespace ${location} lies outside of the cluster`));
    }
  }

  protected override taken(chunk: Buffer): Buffer | null {
    const kind = String.fromCharCode(chunk[0] ?? 0);
    if (kind === "n") this.#part = "archive";
    else if (kind === "m") this.#part = "manifest";
    if (kind !== "d") return null;
    const bytes = chunk.subarray(1);
    if (this.#part === "archive") return bytes;
    this.#manifestBytes += bytes.length;
    if (this.#manifestBytes > clusterManifestBytesMax) {
      this.handleError(new Error("its manifest is too long"));
    } else this.#manifest.push(new Uint8Array(bytes));
    return null;
  }
}
