/** One deploy on its way: what it works with, and what its failure is called. */
import type { Clock } from "../base/clock.ts";
import { asPlatformError, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { RuntimeStore } from "../runtimes/runtime-store.ts";
import type { Environments } from "../secrets/environments.ts";
import type { Store } from "../store/store.ts";
import type { LogSink } from "../telemetry/log-record.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { Builder, SourceFacts } from "./builder.ts";
import type { DeployDatabases } from "./database-step.ts";
import type { DeployEvent, DeployQuery } from "./deploy-api.ts";
import type { MigrateOptions } from "./migrate-step.ts";
import type { RuntimeForce } from "./provenance.ts";
import type { RuntimeStep } from "./runtime-gate.ts";

export interface DeployerOptions {
  dataDir: string;
  builder: Builder;
  store: Pick<
    Store,
    | "apps"
    | "version"
    | "nextVersionNumber"
    | "createVersion"
    | "setLive"
    | "livePackages"
    | "startDeploy"
    | "finishDeploy"
  >;
  artifacts: ArtifactStore;
  runtimes: Pick<RuntimeStore, "ensure" | "hold">;
  /** See `passRuntimeGate`. */
  runtimeGate(step: RuntimeStep): Promise<RuntimeForce | null>;
  environments: Pick<Environments, "resolve" | "freeze" | "hold" | "openVersion" | "fingerprint">;
  /** Unpacks an upload into a folder; `unpackSource`. */
  unpack(upload: ReadableStream<Uint8Array>, folder: string, signal: AbortSignal): Promise<unknown>;
  /** Starts the version and asks it one request; it stays warm. @throws {PlatformError} why it cannot go live */
  bootCheck(spec: VersionSpec, signal: AbortSignal): Promise<void>;
  /** Left out: versions get no database. */
  databases?: DeployDatabases;
  /** Left out: databases are not migrated. */
  migrations?: MigrateOptions;
  /** The version is in the store now. */
  kept(spec: VersionSpec): void;
  /** Ends the processes of a version that did not make it. */
  discard(spec: VersionSpec): Promise<void>;
  /** A deploy of the app is over, whatever came of it. */
  ended(app: string): void;
  /** Puts what the store holds into effect. */
  publish(): Promise<void>;
  urlOf(app: string, target: string | number): string;
  /** Version of this program, for the provenance. */
  platformVersion: string;
  log: LogSink;
  clock: Clock;
}

/** Who deploys. */
export interface Deploying {
  /** As the admin API knows them; null when nobody asked over it. */
  name: string | null;
  /** Name of the token, when it is not the node's own. */
  token: string | null;
  /** Asked when it is clear which app it is. @throws {PlatformError} why it may not be deployed */
  assertMayDeploy(app: string): void;
}

/** The node itself, which may. */
export const deployingNode: Deploying = { name: null, token: null, assertMayDeploy() {} };

/** One deploy, once its app is known. */
export interface Job {
  app: string;
  branch: string;
  query: DeployQuery;
  source: string;
  facts: SourceFacts;
  /** SQL of `database.mask`; null: none. */
  mask: string | null;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
  /** Who deploys, as the admin API knows them. */
  deployedBy: string | null;
  startedAtMs: number;
}

/**
 * What a step throws when it is aborted is the signal's reason, or comes of it. A reason that means something to a person
 * is what they are told; without one, that the deploy was cancelled.
 */
export function asDeployError(thrown: unknown, signal: AbortSignal): PlatformError {
  if (signal.aborted && signal.reason instanceof PlatformError) return signal.reason;
  if (signal.aborted && !(thrown instanceof PlatformError)) {
    return new PlatformError("DEPLOY_CANCELLED", [], { cause: thrown });
  }
  return asPlatformError(thrown);
}
