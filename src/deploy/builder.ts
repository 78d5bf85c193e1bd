/** The build as the deployer needs it: what it takes, what it gives. `build.ts` is the real one. */
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import type { AppConfig } from "./app-config.ts";
import type { BuildProvenance } from "./build-provenance.ts";
import type { DeployEvent, DeployPlan } from "./deploy-api.ts";
import type { SchemaCheck } from "./env-check.ts";
import type { BuiltKit } from "./migration-kit.ts";
import type { MigrationRunner, MigrationRunnerRequest } from "./migration-runner.ts";
import type { PackageList } from "./package-list.ts";

/** What a build made of a source folder. */
export interface BuiltApp {
  /** What becomes the artifact; removed by the deployer. */
  folder: string;
  /** Module to import, relative to `folder`; null: there are only assets. */
  entry: string | null;
  /** What the module finds in `process.argv` behind its path. */
  args: string[];
  /** Path of the asset manifest, relative to `folder`; null: no assets. */
  assets: string | null;
  config: AppConfig;
  /** What its version gets: what was given to the build, with defaults that only the app's own schema knows. */
  environment: OpenEnvironment;
  warnings: string[];
  /** What was installed for it; null when that could not be found out. */
  packages: PackageList | null;
  /** What its migrations need; null without any. */
  kit: BuiltKit | null;
  provenance: BuildProvenance;
}

/** What is known of the source before anything of it runs. */
export interface SourceFacts {
  config: AppConfig;
  /** `name` in package.json, or null. */
  packageName: string | null;
  /** Folder of the app, relative to the source; "" unless it is a workspace. */
  folder: string;
  /** Workspaces that the app depends on, in the order in which they are built. */
  dependsOn: readonly string[];
  /** Nobody is there to read a warning: what may be different tomorrow fails. */
  isUnattended: boolean;
}

/** What a deploy says of its source beside the source itself. It goes before the configuration. */
export interface SourceQuery {
  /** Folder of the app in a monorepo, relative to the source. */
  workspace?: string | undefined;
  dependsOn?: readonly string[] | undefined;
  isUnattended?: boolean | undefined;
  /** Keys of the configuration. */
  overrides?: Readonly<Record<string, unknown>> | undefined;
}

export interface BuildRequest {
  app: string;
  /** Unpacked source. */
  source: string;
  /** Where to build and leave the result; empty or missing. Always the same for an app. */
  workFolder: string;
  facts: SourceFacts;
  /** Whose environment it is. */
  branch: string;
  environment: OpenEnvironment;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
}

export interface Builder {
  /** Reads the configuration, in a process of its own. @throws {PlatformError} `CONFIG_INVALID` … */
  readSource(
    source: string,
    signal: AbortSignal,
    emit: (event: DeployEvent) => void,
    asked?: SourceQuery,
  ): Promise<SourceFacts>;
  /** What `build` is going to do; runs nothing. */
  plan(source: string, facts: SourceFacts): Promise<DeployPlan>;
  build(request: BuildRequest): Promise<BuiltApp>;
  /**
   * Asks the schemas of the app's own that an artifact has.
   *
   * @param artifact folder of its files
   */
  checkEnvironment(
    artifact: string,
    environment: OpenEnvironment,
    signal: AbortSignal,
  ): Promise<SchemaCheck>;
  /** Makes ready what a project's own migrations are run in. The app has no build meanwhile. */
  openMigrations(request: MigrationRunnerRequest): Promise<MigrationRunner>;
  /** Ends what builds of a killed node have left running. */
  killLeftovers(): Promise<unknown>;
}
