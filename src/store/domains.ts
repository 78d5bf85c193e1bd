/**
 * Hosts of the users' own, by app.
 *
 *   asked for ──verified──▶ routes to its branch ──removed, or its app is──▶ gone
 *
 * Any app may ask for any host; the first that is verified has it, until it is removed.
 */
import { PlatformError } from "../base/errors.ts";
import type { Queries } from "./database.ts";
import { domainsOfAppMax } from "./limits.ts";
import { requireApp } from "./live.ts";
import { countUpRevision } from "./revision.ts";

export interface StoredDomain {
  host: string;
  app: string;
  branch: string;
  /** What the owner shows to prove that the host is theirs; differs for each app that asks. */
  challenge: string;
  /** Wall-clock milliseconds. */
  createdAtMs: number;
  /** Null: not yet, and it routes nowhere. */
  verifiedAtMs: number | null;
}

/** By app and host; of all apps, or of one. */
export function domains(queries: Queries, app: string | null): Promise<StoredDomain[]> {
  return queries.rows<StoredDomain>(
    `SELECT host, app, branch, challenge, created_at_ms AS "createdAtMs",
       verified_at_ms AS "verifiedAtMs"
     FROM levain.domains WHERE $1::text IS NULL OR app = $1 ORDER BY app, host`,
    [app],
  );
}

/**
 * Asks for a host, or leads one that the app has to another branch.
 *
 * @returns it as it is now, with the challenge it had before if there was one
 * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `DOMAIN_TAKEN`, `DOMAINS_FULL`
 */
export async function addDomain(
  queries: Queries,
  domain: Omit<StoredDomain, "verifiedAtMs">,
): Promise<StoredDomain> {
  const { host, app, branch, challenge, createdAtMs } = domain;
  await countUpRevision(queries);
  await requireApp(queries, app);
  const branches = await queries.rows("SELECT FROM levain.branches WHERE app = $1 AND name = $2", [
    app,
    branch,
  ]);
  if (branches.length === 0) throw new PlatformError("BRANCH_UNKNOWN", [app, branch]);
  await refuseTaken(queries, app, host);
  const own = await domains(queries, app);
  const isNew = own.every((one) => one.host !== host);
  if (isNew && own.length >= domainsOfAppMax) {
    throw new PlatformError("DOMAINS_FULL", [app, domainsOfAppMax]);
  }
  const [row] = await queries.rows<StoredDomain>(
    `INSERT INTO levain.domains (host, app, branch, challenge, created_at_ms)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (host, app) DO UPDATE SET branch = EXCLUDED.branch
     RETURNING host, app, branch, challenge, created_at_ms AS "createdAtMs",
       verified_at_ms AS "verifiedAtMs"`,
    [host, app, branch, challenge, createdAtMs],
  );
  return row as StoredDomain;
}

/** @throws {PlatformError} `DOMAIN_UNKNOWN` when it was removed meanwhile, `DOMAIN_TAKEN` */
export async function verifyDomain(
  queries: Queries,
  app: string,
  host: string,
  atMs: number,
): Promise<void> {
  await countUpRevision(queries);
  await refuseTaken(queries, app, host);
  const changed = await queries.run(
    `UPDATE levain.domains SET verified_at_ms = coalesce(verified_at_ms, $3)
     WHERE app = $1 AND host = $2`,
    [app, host, atMs],
  );
  if (changed === 0) throw new PlatformError("DOMAIN_UNKNOWN", [app, host]);
}

/** @throws {PlatformError} `DOMAIN_UNKNOWN` */
export async function removeDomain(queries: Queries, app: string, host: string): Promise<void> {
  await countUpRevision(queries);
  const removed = await queries.run("DELETE FROM levain.domains WHERE app = $1 AND host = $2", [
    app,
    host,
  ]);
  if (removed === 0) throw new PlatformError("DOMAIN_UNKNOWN", [app, host]);
}

/** Whose it is, is not said: that is their business. */
async function refuseTaken(queries: Queries, app: string, host: string): Promise<void> {
  const others = await queries.rows(
    "SELECT FROM levain.domains WHERE host = $1 AND app <> $2 AND verified_at_ms IS NOT NULL",
    [host, app],
  );
  if (others.length > 0) throw new PlatformError("DOMAIN_TAKEN", [host]);
}
