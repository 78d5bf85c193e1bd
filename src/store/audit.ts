/** Who did what, when, from where and what came of it. Rows are added, and the oldest leave in time; none is changed. */
import type { Queries } from "./database.ts";
import { auditKeptMax, auditKeptMs } from "./limits.ts";

export interface AuditEntry {
  /** Wall-clock milliseconds. */
  atMs: number;
  /** `owner` for who has the node's own token, `token:<id>`, or `nobody` for who was not let in. */
  actor: string;
  /** The token's name at that time. */
  actorName: string;
  /** Name of the endpoint, or `authenticate` for what was not let in. */
  action: string;
  app: string | null;
  /** Where it came from: an address, or `socket` for the machine itself. */
  address: string;
  /** `ok`, or the code of the error. */
  result: string;
  /** Which branch, version, host …; nothing secret. */
  detail: Record<string, string | number | boolean | null>;
}

export interface StoredAuditEntry extends AuditEntry {
  id: number;
}

export interface AuditQuery {
  app?: string | undefined;
  /** Wall-clock milliseconds. */
  sinceMs?: number | undefined;
  /** The newest so many. Count. */
  limit: number;
}

export async function addAudit(queries: Queries, entries: readonly AuditEntry[]): Promise<void> {
  let newestAtMs = 0;
  let newestId = 0;
  for (const entry of entries) {
    const [row] = await queries.rows<{ id: number }>(
      `INSERT INTO levain.audit (at_ms, actor, actor_name, action, app, address, result, detail)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
      [
        entry.atMs,
        entry.actor,
        entry.actorName,
        entry.action,
        entry.app,
        entry.address,
        entry.result,
        JSON.stringify(entry.detail),
      ],
    );
    newestAtMs = Math.max(newestAtMs, entry.atMs);
    newestId = Math.max(newestId, row?.id ?? 0);
  }
  // The oldest are the first by id, so this looks at no more than it removes.
  await queries.run(
    `DELETE FROM levain.audit WHERE id <= $1 OR id IN (
       SELECT id FROM (SELECT id, at_ms FROM levain.audit ORDER BY id LIMIT 100) AS oldest
       WHERE at_ms < $2)`,
    [newestId - auditKeptMax, newestAtMs - auditKeptMs],
  );
}

/** Newest last. */
export async function audit(
  queries: Queries,
  { app, sinceMs, limit }: AuditQuery,
): Promise<StoredAuditEntry[]> {
  const rows = await queries.rows<StoredAuditEntry>(
    `SELECT id, at_ms AS "atMs", actor, actor_name AS "actorName", action, app, address, result, detail
     FROM levain.audit WHERE ($1::text IS NULL OR app = $1) AND at_ms >= $2
     ORDER BY id DESC LIMIT $3`,
    [app ?? null, sinceMs ?? 0, limit],
  );
  return rows.reverse();
}
