/** Tokens of the admin API, by what is known of them: their hash, never they themselves. */
import { PlatformError } from "../base/errors.ts";
import type { Queries } from "./database.ts";
import { tokenExpiredKeptMs, tokensMax } from "./limits.ts";

export interface StoredToken {
  /** Part of the token, and no secret. */
  id: string;
  /** Chosen by who made it; no other has it. */
  name: string;
  /** SHA-256 of the whole token, in hex. */
  hash: string;
  role: "read" | "deploy" | "admin";
  /** Null: every app, and the node itself. */
  apps: string[] | null;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
  /** Null: never. */
  expiresAtMs: number | null;
  /** Not more exact than `tokenUseNoteMs`; null: never. */
  usedAtMs: number | null;
}

/** Oldest first. */
export function tokens(queries: Queries): Promise<StoredToken[]> {
  return queries.rows<StoredToken>(
    `SELECT id, name, hash, role, apps, created_at_ms AS "createdAtMs",
       expires_at_ms AS "expiresAtMs", used_at_ms AS "usedAtMs"
     FROM levain.tokens ORDER BY created_at_ms, id`,
  );
}

/** Also removes those that ended long ago. @throws {PlatformError} `TOKEN_NAME_TAKEN`, `TOKENS_FULL` */
export async function createToken(queries: Queries, token: StoredToken): Promise<void> {
  // One at a time, so that the count holds.
  await queries.run("LOCK TABLE levain.tokens IN SHARE ROW EXCLUSIVE MODE");
  await queries.run("DELETE FROM levain.tokens WHERE expires_at_ms < $1", [
    token.createdAtMs - tokenExpiredKeptMs,
  ]);
  const [row] = await queries.rows<{ all: number; named: number }>(
    `SELECT count(*) AS all, count(*) FILTER (WHERE name = $1) AS named FROM levain.tokens`,
    [token.name],
  );
  if ((row?.named ?? 0) > 0) throw new PlatformError("TOKEN_NAME_TAKEN", [token.name]);
  if ((row?.all ?? 0) >= tokensMax) throw new PlatformError("TOKENS_FULL", [tokensMax]);
  await queries.run(
    `INSERT INTO levain.tokens (id, name, hash, role, apps, created_at_ms, expires_at_ms)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [
      token.id,
      token.name,
      token.hash,
      token.role,
      token.apps,
      token.createdAtMs,
      token.expiresAtMs,
    ],
  );
}

/** @returns whether there was one */
export async function removeToken(queries: Queries, id: string): Promise<boolean> {
  return (await queries.run("DELETE FROM levain.tokens WHERE id = $1", [id])) > 0;
}

/** Notes when tokens were used last, by their id. */
export async function noteTokensUsed(
  queries: Queries,
  used: ReadonlyMap<string, number>,
): Promise<void> {
  await queries.run(
    `UPDATE levain.tokens SET used_at_ms = used.at_ms
     FROM unnest($1::text[], $2::bigint[]) AS used (id, at_ms) WHERE tokens.id = used.id`,
    [[...used.keys()], [...used.values()]],
  );
}
