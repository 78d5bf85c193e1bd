/**
 * Runs the SQL that makes a copy fit to be seen: as the copy's own role, before the relay knows of the copy. Afterwards the
 * samples of values that PostgreSQL keeps for its planner are made anew, which would still tell what was there.
 */
import pg from "pg";
import { PlatformError } from "../base/errors.ts";
import { databaseMaskMs } from "./limits.ts";
import type { Login, Server, ServerSession } from "./server.ts";

export interface MaskFile {
  /** Its path, as the configuration has it. */
  file: string;
  sql: string;
}

/** @throws {PlatformError} `DATABASE_MASK_FAILED` with the line; what the server has against it when it went away */
export async function runMask(
  server: Server,
  database: string,
  login: Login,
  { file, sql }: MaskFile,
): Promise<void> {
  try {
    await server.within(
      database,
      async (session) => {
        await session.run(sql);
      },
      { login, statementMs: databaseMaskMs },
    );
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const line = lineOf(sql, error.position);
    const where = line === null ? "" : ` (line ${line})`;
    throw new PlatformError("DATABASE_MASK_FAILED", [file, `${error.message}${where}`], {
      detail: { sqlState: error.code ?? null, line, hint: error.hint ?? null },
    });
  }
  await server.within(database, forgetSamples, { login, statementMs: databaseMaskMs });
}

/** Of every table of the role's, whether there are rows in it or not. */
export async function forgetSamples({ rows, run }: ServerSession): Promise<void> {
  // Servers before 18 keep those of tables that have no rows any more.
  await rows(
    `SELECT pg_clear_attribute_stats(schemaname, tablename, attname, inherited)
     FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
       AND EXISTS (SELECT FROM pg_tables WHERE pg_tables.schemaname = pg_stats.schemaname
         AND pg_tables.tablename = pg_stats.tablename AND tableowner = current_user)`,
  ).catch(() => {});
  await run("ANALYZE (SKIP_LOCKED)");
}

/** Line of a position in a text, from 1; null when there is none. Pure. */
export function lineOf(sql: string, position: string | undefined): number | null {
  const at = Number(position ?? "");
  return at >= 1 ? [...sql].slice(0, at - 1).filter((one) => one === "\n").length + 1 : null;
}
