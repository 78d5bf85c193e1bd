/**
 * What the admin server needs of the node, passed in by `src/main.ts`.
 */
import type { Backups } from "../backup/backups.ts";
import type { Clock } from "../base/clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { ArtifactStore } from "../deploy/artifact-store.ts";
import type {
  DeployEvent,
  DeployPlanned,
  DeployQuery,
  DeployResult,
  DeployVerified,
} from "../deploy/deploy-api.ts";
import type { Deploying } from "../deploy/deploy-job.ts";
import type { RebindPlan, RebindRequest, RebindTarget, Rebound } from "../deploy/rebind.ts";
import type { RouteTableApp } from "../router/route-table.ts";
import type { Environments } from "../secrets/environments.ts";
import type { RotationResult } from "../secrets/rotation.ts";
import type { Store } from "../store/store.ts";
import type { LogStore } from "../telemetry/log-store.ts";
import type { Collected, Inspection, InstanceInfo, NodeStatus } from "./api.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { DatabasesDeps } from "./databases.ts";
import type { DomainCheck } from "./domain-check.ts";
import type { TokenBook } from "./token-book.ts";

/** The part of the store that the admin API uses. */
export type AdminStore = Pick<
  Store,
  | "apps"
  | "version"
  | "versions"
  | "versionProvenance"
  | "versionPackages"
  | "setLive"
  | "rollbackTarget"
  | "removeApp"
  | "keptVersions"
  | "envValues"
  | "removeVersions"
  | "removeBranch"
  | "audit"
  | "verdicts"
  | "addVerdict"
  | "domains"
  | "addDomain"
  | "verifyDomain"
  | "removeDomain"
> & { migrationRuns: Pick<Store["migrationRuns"], "list" | "since"> };

/** Part of an inspection. */
export type VersionRuns = Pick<Inspection, "machine" | "state" | "cause" | "processes">;

/** What hosts of the apps' own need. */
export interface DomainsDeps {
  /** The node's own domain. */
  platform: string;
  /** A new one. */
  challenge(): string;
  check(host: string, challenge: string): Promise<DomainCheck>;
  /** Where such a host answers. */
  urlOf(host: string): string;
  /** Whether something is live at a host, be it an app's own or the platform's. Keeps nothing of the question. */
  isServed(host: string): boolean;
}

export interface AdminDeps {
  status(): NodeStatus | Promise<NodeStatus>;
  /** Processes of this node. Looking must not wake an app. */
  instances(): InstanceInfo[] | Promise<InstanceInfo[]>;
  /** What `GET /metrics` shows, in Prometheus' text format, piece by piece. */
  metrics(): AsyncGenerator<string>;
  /** Whether the app is in the route table in effect. */
  hasApp(app: string): boolean;
  /** Whether that app has the version there. */
  hasVersion(app: string, version: number): boolean;
  /** The app in the route table in effect, or null. */
  routesOf(app: string): RouteTableApp | null;
  /** What there is of a version on this node. Looking must not wake it. */
  runsOf(spec: VersionSpec): VersionRuns;
  store: AdminStore;
  environments: Environments;
  /** See `Rotation`. */
  rotateKey(): Promise<RotationResult>;
  tokens: TokenBook;
  audit: AuditTrail;
  domains: DomainsDeps;
  databases: DatabasesDeps;
  deployer: {
    /**
     * Builds, checks and takes live what is uploaded; `emit` gets what happens meanwhile, without a last `done` or
     * `failed`. Reads `upload` to its end or cancels it. An abort of `signal` ends the build and leaves the branch.
     * `deploying` is asked when it is clear which app it is. With `plan` in the query it only says what it would do.
     *
     * @throws {PlatformError} why there is no new version.
     */
    deploy(
      upload: ReadableStream<Uint8Array>,
      query: DeployQuery,
      emit: (event: DeployEvent) => void,
      signal: AbortSignal,
      deploying: Deploying,
    ): Promise<DeployResult | DeployPlanned | DeployVerified>;
  };
  /** See `rebind.ts`. */
  rebinder: {
    planRebind(target: RebindTarget): Promise<RebindPlan>;
    rebind(request: RebindRequest): Promise<Rebound>;
  };
  /** `remove` removes the request log too. */
  logs: Pick<LogStore, "read" | "follow" | "remove">;
  /** Records of answered requests. */
  requestLogs: Pick<LogStore, "read" | "follow">;
  /**
   * Removes artifacts that no version names any more, unless a deploy that runs has use for one. What cannot be removed
   * costs only disk.
   */
  removeArtifacts(digests: readonly string[]): Promise<void>;
  /** What versions consist of, on this disk. */
  artifacts: Pick<ArtifactStore, "path" | "entries">;
  /** Databases of branches as SQL. Both throw `DATABASE_UNKNOWN` and `DATABASE_DROPPED` at once. */
  dumps: {
    dump(app: string, branch: string): AsyncIterable<Uint8Array>;
    /** Puts what the script makes in the place of the branch's database; when it fails, that is as it was. */
    restore(
      app: string,
      branch: string,
      script: AsyncIterable<Uint8Array>,
    ): Promise<{ statements: number; tables: number }>;
  };
  backups: Pick<Backups, "run" | "list" | "facts">;
  /** Removes what nothing needs any more, or only says what that is; see `Collector`. */
  collect(isDryRun: boolean): Promise<Collected>;
  clock: Clock;
  /** Puts what the store holds into effect; see `publisher.ts`. */
  publish(): Promise<void>;
  /** Starts to drain and end the node. Returns at once; twice is safe. */
  shutdown(): void;
  /** URL of what a host name part names: an app's branch or one of its versions. */
  urlOf(app: string, target: { branch: string } | { version: number }): string;
  /** A line for the node's log. */
  note(line: string): void;
  /** An error that nobody foresaw, for the node's log. */
  report(thrown: unknown): void;
}
