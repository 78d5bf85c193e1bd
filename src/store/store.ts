/**
 * The store: everything durable, in one PostgreSQL schema. The only way to it.
 *
 * Each call is one transaction, answers within a bound and fails with `STORE_UNAVAILABLE` while the database is away.
 * Nothing has to be reopened when it is back. The request lane never comes here.
 */
import type { Clock } from "../base/clock.ts";
import { apps, type RemovedApp, removeApp, type StoredApp } from "./apps.ts";
import {
  type AuditEntry,
  type AuditQuery,
  addAudit,
  audit,
  type StoredAuditEntry,
} from "./audit.ts";
import { BranchDatabases } from "./branch-databases.ts";
import { Database, type DatabaseAddress } from "./database.ts";
import {
  type DeployOutcome,
  deploys,
  finishDeploy,
  interruptDeploys,
  type StartDeployInput,
  type StoredDeploy,
  startDeploy,
} from "./deploys.ts";
import { addDomain, domains, removeDomain, type StoredDomain, verifyDomain } from "./domains.ts";
import { type ChangeEnvInput, changeEnv, envValues, type StoredEnvValue } from "./env-values.ts";
import { rollbackTarget, type SetLiveInput, setLive } from "./live.ts";
import { migrate } from "./migrate.ts";
import { MigrationRuns } from "./migration-runs.ts";
import {
  artifactDigests,
  type KeptVersion,
  keptVersions,
  type RemovedVersions,
  removeBranch,
  removeVersions,
  runtimesNamed,
} from "./removal.ts";
import {
  putResealed,
  putResealedVersions,
  type ValueToReseal,
  type VersionToReseal,
  valuesToReseal,
  versionsToReseal,
} from "./reseal.ts";
import { routeTable, type StoredRouteTable } from "./routes.ts";
import { createToken, noteTokensUsed, removeToken, type StoredToken, tokens } from "./tokens.ts";
import { addVerdict, type StoredVerdict, verdicts } from "./verdicts.ts";
import {
  livePackages,
  type StoredPackages,
  versionPackages,
  versionProvenance,
} from "./version-facts.ts";
import {
  type CreateVersionInput,
  createVersion,
  nextVersionNumber,
  type StoredVersion,
  versions,
  type WholeVersion,
  wholeVersion,
} from "./versions.ts";

export type StoreOptions = DatabaseAddress & { clock: Clock };

/** Connects when first used; close it in the end. */
export function openStore(options: StoreOptions): Store {
  return new Store(new Database(options), options.clock);
}

export class Store {
  readonly #database: Database;
  readonly #clock: Clock;
  /** Databases of branches. */
  readonly databases: BranchDatabases;
  /** Runs of migrations on them. */
  readonly migrationRuns: MigrationRuns;

  /** Use `openStore`. */
  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.databases = new BranchDatabases(database);
    this.migrationRuns = new MigrationRuns(database);
  }

  /**
   * Brings the schema up to date; needed once before anything else. Safe on several nodes at once.
   *
   * @returns names of the steps that this call applied
   * @throws {PlatformError} `STORE_TOO_NEW`, `STORE_MIGRATION_CHANGED`
   */
  migrate(): Promise<string[]> {
    return migrate(this.#database);
  }

  /** Answers when the database does. */
  async ping(): Promise<void> {
    await this.#database.read((queries) => queries.rows("SELECT"));
  }

  /** Answers when the database takes a new connection. @throws {PlatformError} `STORE_UNAVAILABLE` when not in time */
  probe(timeoutMs: number): Promise<void> {
    return this.#database.probe(timeoutMs);
  }

  /** Closes every connection. Calls that run get a short grace, later ones fail. Safe to call twice. */
  close(): Promise<void> {
    return this.#database.close();
  }

  /** Everything that is published, as one consistent snapshot. */
  routeTable(): Promise<StoredRouteTable> {
    return this.#database.read(routeTable);
  }

  /** By name, with their branches. */
  apps(): Promise<StoredApp[]> {
    return this.#database.read(apps);
  }

  /**
   * Removes an app with its branches, versions, history and deploys.
   *
   * @throws {PlatformError} `APP_UNKNOWN`
   */
  removeApp(app: string): Promise<RemovedApp> {
    return this.#database.write((queries) => removeApp(queries, app));
  }

  /** Versions of an app, newest first. @throws {PlatformError} `APP_UNKNOWN` */
  versions(app: string): Promise<StoredVersion[]> {
    return this.#database.read((queries) => versions(queries, app));
  }

  /** All of one version. @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
  version(app: string, number: number): Promise<WholeVersion> {
    return this.#database.read((queries) => wholeVersion(queries, app, number));
  }

  /** What is set for an app's environment, by name; also for an app that does not exist. */
  envValues(app: string): Promise<StoredEnvValue[]> {
    return this.#database.read((queries) => envValues(queries, app));
  }

  /** All or nothing. @returns names that were there before. @throws {PlatformError} `ENV_TOO_MANY` */
  changeEnv(input: ChangeEnvInput): Promise<string[]> {
    return this.#database.write((queries) => changeEnv(queries, input));
  }

  /** See `reseal.ts`; the next ones after one. */
  valuesToReseal(
    prefix: string,
    after: ValueToReseal | null,
    limit: number,
  ): Promise<ValueToReseal[]> {
    return this.#database.read((queries) => valuesToReseal(queries, prefix, after, limit));
  }

  versionsToReseal(
    prefix: string,
    after: Pick<VersionToReseal, "app" | "number"> | null,
    limit: number,
  ): Promise<VersionToReseal[]> {
    return this.#database.read((queries) => versionsToReseal(queries, prefix, after, limit));
  }

  putResealed(values: readonly (ValueToReseal & { resealed: string })[]): Promise<void> {
    return this.#database.write((queries) => putResealed(queries, values));
  }

  putResealedVersions(versions: readonly VersionToReseal[]): Promise<void> {
    return this.#database.write((queries) => putResealedVersions(queries, versions));
  }

  /** Packages of the version that is live on a branch; null when there is none, or it has no list. */
  livePackages(app: string, branch: string): Promise<StoredPackages | null> {
    return this.#database.read((queries) => livePackages(queries, app, branch));
  }

  /** Packages that a version was built with. @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
  versionPackages(app: string, version: number): Promise<StoredPackages> {
    return this.#database.read((queries) => versionPackages(queries, app, version));
  }

  /** How a version came to be, as it was written. @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN` */
  versionProvenance(app: string, version: number): Promise<unknown> {
    return this.#database.read((queries) => versionProvenance(queries, app, version));
  }

  /** Versions of an app with what keeps them, newest first. @throws {PlatformError} `APP_UNKNOWN` */
  keptVersions(app: string): Promise<KeptVersion[]> {
    return this.#database.read((queries) => keptVersions(queries, app));
  }

  /**
   * Removes those of the versions that are live nowhere.
   *
   * @param keepsTargets whether those that a branch would be rolled back to stay
   * @throws {PlatformError} `APP_UNKNOWN`
   */
  removeVersions(
    app: string,
    numbers: readonly number[],
    keepsTargets: boolean,
  ): Promise<RemovedVersions> {
    return this.#database.write((queries) => removeVersions(queries, app, numbers, keepsTargets));
  }

  /** Removes a branch with its own versions. @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN` */
  removeBranch(app: string, branch: string): Promise<RemovedVersions> {
    return this.#database.write((queries) => removeBranch(queries, app, branch));
  }

  /** Every artifact that some version of some app names. */
  artifactDigests(): Promise<string[]> {
    return this.#database.read(artifactDigests);
  }

  /** Every runtime that some version of some app names. */
  runtimesNamed(): Promise<string[]> {
    return this.#database.read(runtimesNamed);
  }

  /** Number for the next version of an app: 1 for an app that does not exist yet. Reserves nothing. */
  nextVersionNumber(app: string): Promise<number> {
    return this.#database.read((queries) => nextVersionNumber(queries, app));
  }

  /**
   * Keeps a version, with its app, branch and artifact when they are new. All or nothing; nothing is live by it.
   *
   * @throws {VersionNumberTaken} when the app has a version of that number: take the next one
   */
  createVersion(input: CreateVersionInput): Promise<void> {
    return this.#database.write((queries) => createVersion(queries, input));
  }

  /**
   * Makes a version live on a branch, which need not exist yet. Doing it again changes nothing.
   *
   * @returns the version that was live before, which is the same one when nothing changed
   * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`
   */
  setLive(input: SetLiveInput): Promise<{ previous: number | null }> {
    return this.#database.write((queries) => setLive(queries, input));
  }

  /**
   * The version that a rollback of the branch goes to, or null; see `rollback-target.ts`.
   *
   * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`
   */
  rollbackTarget(app: string, branch: string): Promise<number | null> {
    return this.#database.read((queries) => rollbackTarget(queries, app, branch));
  }

  /** Notes that a deploy began. The app need not exist. @returns its id */
  startDeploy(input: StartDeployInput): Promise<number> {
    const atMs = this.#clock.wallMs();
    return this.#database.write((queries) => startDeploy(queries, input, atMs));
  }

  /** Notes what became of a deploy. Does nothing when it is not kept any more. */
  finishDeploy(id: number, outcome: DeployOutcome): Promise<void> {
    const atMs = this.#clock.wallMs();
    return this.#database.write((queries) => finishDeploy(queries, id, outcome, atMs));
  }

  /** Calls every running deploy interrupted: for a node that starts. @returns how many. Count. */
  interruptDeploys(): Promise<number> {
    const atMs = this.#clock.wallMs();
    return this.#database.write((queries) => interruptDeploys(queries, atMs));
  }

  /** Deploys of an app, newest first, also failed and running ones. */
  deploys(app: string, limit: number): Promise<StoredDeploy[]> {
    return this.#database.read((queries) => deploys(queries, app, limit));
  }

  /** Newest first. @param runtime null: of all */
  verdicts(runtime: string | null): Promise<StoredVerdict[]> {
    return this.#database.read((queries) => verdicts(queries, runtime));
  }

  addVerdict(added: StoredVerdict): Promise<void> {
    return this.#database.write((queries) => addVerdict(queries, added));
  }

  /** Oldest first. */
  tokens(): Promise<StoredToken[]> {
    return this.#database.read(tokens);
  }

  /** @throws {PlatformError} `TOKEN_NAME_TAKEN`, `TOKENS_FULL` */
  createToken(token: StoredToken): Promise<void> {
    return this.#database.write((queries) => createToken(queries, token));
  }

  /** @returns whether there was one */
  removeToken(id: string): Promise<boolean> {
    return this.#database.write((queries) => removeToken(queries, id));
  }

  /** Notes when tokens were used last, by their id. */
  noteTokensUsed(used: ReadonlyMap<string, number>): Promise<void> {
    return this.#database.write((queries) => noteTokensUsed(queries, used));
  }

  /** Adds to the audit log, and lets the oldest go. */
  addAudit(entries: readonly AuditEntry[]): Promise<void> {
    return this.#database.write((queries) => addAudit(queries, entries));
  }

  /** The newest entries, oldest of them first. */
  audit(query: AuditQuery): Promise<StoredAuditEntry[]> {
    return this.#database.read((queries) => audit(queries, query));
  }

  /** By app and host; of all apps without one. */
  domains(app: string | null): Promise<StoredDomain[]> {
    return this.#database.read((queries) => domains(queries, app));
  }

  /** @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`, `DOMAIN_TAKEN`, `DOMAINS_FULL` */
  addDomain(domain: Omit<StoredDomain, "verifiedAtMs">): Promise<StoredDomain> {
    return this.#database.write((queries) => addDomain(queries, domain));
  }

  /** @throws {PlatformError} `DOMAIN_UNKNOWN`, `DOMAIN_TAKEN` */
  verifyDomain(app: string, host: string): Promise<void> {
    const atMs = this.#clock.wallMs();
    return this.#database.write((queries) => verifyDomain(queries, app, host, atMs));
  }

  /** @throws {PlatformError} `DOMAIN_UNKNOWN` */
  removeDomain(app: string, host: string): Promise<void> {
    return this.#database.write((queries) => removeDomain(queries, app, host));
  }
}
