/**
 * What the admin server needs of the node, passed in by `src/main.ts`.
 */
import type { DeployEvent, DeployQuery, DeployResult } from "../deploy/deploy-api.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import type { InstanceInfo, LogsQuery, NodeStatus } from "./api.ts";

/** An app as the store knows it. */
export interface StoredApp {
  name: string;
  createdAtMs: number;
  /** Count. */
  versions: number;
  branches: readonly { name: string; live: number | null }[];
}

/** A version as the store knows it. */
export interface StoredVersion {
  number: number;
  /** Branch it was deployed to. */
  branch: string;
  digest: string;
  message: string | null;
  commit: string | null;
  /** Of the artifact. */
  bytes: number;
  createdAtMs: number;
}

/** The part of the store that the admin API uses. Every call may throw `STORE_UNAVAILABLE`. */
export interface AdminStore {
  apps(): Promise<readonly StoredApp[]>;
  /** Newest first. @throws {PlatformError} `APP_UNKNOWN`. */
  versions(app: string): Promise<readonly StoredVersion[]>;
  /**
   * Makes a version live on a branch, which need not exist yet.
   *
   * @throws {PlatformError} `APP_UNKNOWN`, `VERSION_UNKNOWN`.
   */
  setLive(app: string, branch: string, version: number): Promise<{ previous: number | null }>;
  /**
   * The version that was live before the one that is, or null.
   *
   * @throws {PlatformError} `APP_UNKNOWN`, `BRANCH_UNKNOWN`.
   */
  rollbackTarget(app: string, branch: string): Promise<number | null>;
  /** @throws {PlatformError} `APP_UNKNOWN`. */
  deleteApp(app: string): Promise<{ versions: number }>;
}

export interface AdminDeps {
  status(): NodeStatus | Promise<NodeStatus>;
  /** Processes of this node. Looking must not wake an app. */
  instances(): InstanceInfo[] | Promise<InstanceInfo[]>;
  /** Whether the app is in the route table in effect. */
  hasApp(app: string): boolean;
  store: AdminStore;
  deployer: {
    /**
     * Builds, checks and takes live what is uploaded; `emit` gets what happens meanwhile, without a last `done` or
     * `failed`. Reads `upload` to its end or cancels it. An abort of `signal` ends the build and leaves the branch.
     *
     * @throws {PlatformError} why there is no new version.
     */
    deploy(
      upload: ReadableStream<Uint8Array>,
      query: DeployQuery,
      emit: (event: DeployEvent) => void,
      signal: AbortSignal,
    ): Promise<DeployResult>;
  };
  logs: {
    /** What is there, oldest first. */
    read(app: string, query: LogsQuery, signal: AbortSignal): AsyncIterable<LogRecord>;
    /** The same, and then what comes, until the signal is aborted. */
    follow(app: string, query: LogsQuery, signal: AbortSignal): AsyncIterable<LogRecord>;
    /** Removes everything that is kept of an app. */
    remove(app: string): Promise<void>;
  };
  /** Puts what the store holds into effect; see `publisher.ts`. */
  publish(): Promise<void>;
  /** Starts to drain and end the node. Returns at once; twice is safe. */
  shutdown(): void;
  /** URL of what a host name part names: an app's branch or one of its versions. */
  urlOf(app: string, target: { branch: string } | { version: number }): string;
  /** An error that nobody foresaw, for the node's log. */
  report(thrown: unknown): void;
}
