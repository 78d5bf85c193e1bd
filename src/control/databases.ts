/** Lists, makes, resets and drops branches' databases for the admin API. */
import { isIP } from "node:net";
import { PlatformError } from "../base/errors.ts";
import { isReadOnly, type RelayFacts } from "../database/connections.ts";
import type { Databases } from "../database/databases.ts";
import { databaseUnknown } from "../database/known-databases.ts";
import type { LockWaits } from "../database/lock-watch.ts";
import type { MadeDatabase } from "../database/make-database.ts";
import { checkBranchName, PRODUCTION_BRANCH } from "../deploy/names.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import { mayUse, type Principal, ROLES } from "./access.ts";
import type { DatabaseInfo, InputOf, OutputOf, QueryOf } from "./api.ts";
import { useOf } from "./database-use.ts";
import type { AdminDeps } from "./deps.ts";
import { isLoopbackHost } from "./origin-guard.ts";

/** What the admin API needs of them. */
export interface DatabasesDeps {
  branches: Pick<
    Databases,
    "list" | "urlOf" | "ensure" | "reset" | "drop" | "remove" | "setReadOnly"
  >;
  /** Of the relay. */
  port: number;
  /** What others get to it by: whether its certificate is for a host; null without TLS. Null: only this machine gets there. */
  served: { isCertified: ((host: string) => boolean) | null } | null;
  /** Null while no relay runs. */
  facts(): Promise<RelayFacts> | null;
  /** Who waits for locks, by the databases' names. */
  locks(): ReadonlyMap<string, LockWaits>;
}

type Deps = Pick<AdminDeps, "databases">;

/** Those of the apps that the principal may see. */
export async function listDatabases(
  { databases }: Deps,
  principal: Principal,
  app: string | undefined,
): Promise<OutputOf<"databases">> {
  const facts = await factsOf(databases);
  const rows = databases.branches.list(app).filter((row) => mayUse(principal, row.app));
  return { databases: rows.map((row) => infoOf(row, facts, databases.locks())) };
}

/** Of one branch; null when there is none. */
export async function databaseOf(
  { databases }: Deps,
  app: string,
  branch: string,
): Promise<DatabaseInfo | null> {
  const row = find(databases.branches, app, branch);
  return row === null ? null : infoOf(row, await factsOf(databases), databases.locks());
}

/** @throws {PlatformError} `DATABASE_UNKNOWN`, `DATABASE_DROPPED`; `DATABASE_NOT_SERVED` for a host when only this machine gets there */
export function urlOfDatabase(
  { databases }: Deps,
  app: string,
  { branch, host }: QueryOf<"databaseUrl">,
): OutputOf<"databaseUrl"> {
  const { branches, port, served } = databases;
  const here = branches.urlOf(app, branch);
  if (host === undefined || isLoopbackHost(host))
    return { app, branch, url: here, isCertified: null };
  if (served === null) {
    throw new PlatformError("DATABASE_NOT_SERVED", [find(branches, app, branch)!.name, port]);
  }
  const { isCertified } = served;
  const there = here.replace("@127.0.0.1:", `@${isIP(host) === 6 ? `[${host}]` : host}:`);
  return {
    app,
    branch,
    url: isCertified === null ? there : `${there}?sslmode=verify-full`,
    isCertified: isCertified?.(host) ?? null,
  };
}

/**
 * A database for a branch that need not be deployed yet, as production's is.
 *
 * @throws {PlatformError} `DATABASE_UNKNOWN` when there is none to go by; what `Databases.ensure` throws
 */
export async function makeDatabase(
  deps: Deps,
  app: string,
  { branch, fromBranch, from }: InputOf<"databaseMake">,
): Promise<OutputOf<"databaseMake">> {
  checkBranchName(branch);
  const { branches } = deps.databases;
  const parent = fromBranch ?? PRODUCTION_BRANCH;
  const like = find(branches, app, branch) ?? find(branches, app, parent);
  if (like === null) throw databaseUnknown(app, parent);
  const { made } = await branches.ensure({
    app,
    branch,
    spec: from === undefined ? like.spec : { ...like.spec, from },
    mask: { ofBranch: like.branch },
    parent: fromBranch ?? null,
  });
  return changed(deps, app, branch, made);
}

/** @throws {PlatformError} `CONSENT_MISSING`, `ADMIN_TOKEN_ROLE`; what `Databases.reset` throws */
export async function resetDatabase(
  deps: Deps,
  principal: Principal,
  app: string,
  { branch, fromBranch, from, confirm }: InputOf<"databaseReset">,
): Promise<OutputOf<"databaseReset">> {
  if (confirm !== branch) throw new PlatformError("CONSENT_MISSING", [branch]);
  assertMayEnd(principal, "databaseReset", branch);
  const asked = { parent: fromBranch ?? null, from: from ?? null };
  return changed(deps, app, branch, await deps.databases.branches.reset(app, branch, asked));
}

/** @throws {PlatformError} `CONSENT_MISSING`, `ADMIN_TOKEN_ROLE`, `DATABASE_UNKNOWN` */
export async function dropDatabase(
  { databases }: Deps,
  principal: Principal,
  app: string,
  { branch, confirm }: QueryOf<"databaseDrop">,
): Promise<OutputOf<"databaseDrop">> {
  if (confirm !== branch) throw new PlatformError("CONSENT_MISSING", [branch]);
  assertMayEnd(principal, "databaseDrop", branch);
  await databases.branches.drop(app, branch, `by ${principal.name}`);
  return { app, branch };
}

/** @throws {PlatformError} `DATABASE_UNKNOWN` */
export async function setReadOnly(
  deps: Deps,
  app: string,
  { branch, isReadOnly }: InputOf<"databaseReadOnly">,
): Promise<OutputOf<"databaseReadOnly">> {
  await deps.databases.branches.setReadOnly(app, branch, isReadOnly);
  return changed(deps, app, branch, null);
}

/** Who may deploy may throw a preview's data away, and not production's. */
function assertMayEnd(principal: Principal, endpoint: string, branch: string): void {
  if (branch !== PRODUCTION_BRANCH) return;
  if (ROLES.indexOf(principal.role) >= ROLES.indexOf("admin")) return;
  const { name, role } = principal;
  throw new PlatformError("ADMIN_TOKEN_ROLE", [name, role, `${endpoint} on ${branch}`, "admin"]);
}

async function changed(
  { databases }: Deps,
  app: string,
  branch: string,
  made: MadeDatabase | null,
): Promise<OutputOf<"databaseMake">> {
  const row = find(databases.branches, app, branch);
  if (row === null) throw databaseUnknown(app, branch);
  return {
    database: infoOf(row, await factsOf(databases), databases.locks()),
    made: made === null ? null : { name: row.name, ...made },
  };
}

function find(
  branches: DatabasesDeps["branches"],
  app: string,
  branch: string,
): StoredDatabase | null {
  return branches.list(app).find((row) => row.branch === branch) ?? null;
}

/** What a list is without must not keep it from being shown. */
async function factsOf({ facts }: DatabasesDeps): Promise<RelayFacts | null> {
  return (await facts()?.catch(() => null)) ?? null;
}

function infoOf(
  row: StoredDatabase,
  relay: RelayFacts | null,
  locks: ReadonlyMap<string, LockWaits>,
): DatabaseInfo {
  const { name, app, branch, note, origin, parent, role, bytes, isOver, spec } = row;
  const use = relay?.databases.find((one) => one.name === name);
  const { ttlMs, bytesMax, pooling, poolMax, extensions } = spec;
  const goes = ttlMs > 0 && branch !== PRODUCTION_BRANCH && row.serverDatabase !== null;
  return {
    name,
    app,
    branch,
    state: row.serverDatabase === null ? "dropped" : "ready",
    note,
    origin,
    parent,
    role,
    bytes,
    bytesMax,
    isReadOnly: isReadOnly(row),
    isOver,
    pooling,
    poolMax,
    extensions,
    createdAtMs: row.createdAtMs,
    usedAtMs: row.usedAtMs,
    expiresAtMs: goes ? row.usedAtMs + ttlMs : null,
    use: use === undefined ? null : useOf(use, locks.get(name)),
  };
}
