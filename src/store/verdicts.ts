/** Verdicts about runtimes, as whoever made them gave them. The newest of each runtime are kept. */
import type { Queries } from "./database.ts";
import { verdictsKeptMax } from "./limits.ts";

export interface StoredVerdict {
  runtime: string;
  /** Wall-clock milliseconds. */
  atMs: number;
  /** Who gave it, as the admin API knew them. */
  by: string;
  /** All of it. Written as it came; read what is known of it. */
  verdict: unknown;
}

/** Newest first. @param runtime null: of all */
export function verdicts(queries: Queries, runtime: string | null): Promise<StoredVerdict[]> {
  return queries.rows<StoredVerdict>(
    `SELECT runtime, at_ms AS "atMs", given_by AS "by", verdict FROM levain.verdicts
     WHERE $1::text IS NULL OR runtime = $1 ORDER BY id DESC`,
    [runtime],
  );
}

export async function addVerdict(queries: Queries, added: StoredVerdict): Promise<void> {
  const { runtime, atMs, by, verdict } = added;
  await queries.run(
    "INSERT INTO levain.verdicts (runtime, at_ms, given_by, verdict) VALUES ($1, $2, $3, $4)",
    [runtime, atMs, by, JSON.stringify(verdict)],
  );
  await queries.run(
    `DELETE FROM levain.verdicts WHERE runtime = $1 AND id <= (
       SELECT id FROM levain.verdicts WHERE runtime = $1 ORDER BY id DESC OFFSET $2 LIMIT 1)`,
    [runtime, verdictsKeptMax],
  );
}
