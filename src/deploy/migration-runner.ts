/**
 * Runs a project's own migrations (a module or a command) from their kit, held to what a build of the app may reach and
 * the database: as the build's user, in a folder of its own, with the environment of the branch.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { Permissions, SandboxLevel } from "../base/permissions.ts";
import type { VersionMigrations } from "../base/version-migrations.ts";
import type { RunEnd } from "../migrations/stage.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import { type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import { runCommand } from "../store/system-command.ts";
import { describeEnd, type Ended, StepTimeout } from "./build-process.ts";
import type { BuildRoom, BuildRoomOptions } from "./build-room.ts";
import type { BuildUser } from "./build-users.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { hiddenValues } from "./env-build.ts";
import { chownTimeoutMs } from "./limits.ts";

export interface MigrationRunnerRequest {
  app: string;
  /** Folder of the kit's files. */
  kit: string;
  migrations: VersionMigrations;
  environment: OpenEnvironment;
  permissions: Permissions;
  sandbox: SandboxLevel | null;
  /** Port of what stands in front of the database, on this machine or another. */
  databasePort: number;
  emit(event: DeployEvent): void;
  signal: AbortSignal;
}

/** Dispose it when the last run has ended. */
export interface MigrationRunner extends AsyncDisposable {
  /** @throws {PlatformError} what bounds of a build say; the signal's reason */
  run(url: string, timeoutMs: number): Promise<RunEnd>;
}

type RoomOptions = Pick<
  BuildRoomOptions,
  | "workFolder"
  | "project"
  | "isProjectChanged"
  | "user"
  | "permissions"
  | "databasePort"
  | "signal"
  | "emit"
>;

/**
 * @param workFolder of this run alone; removed with the runner
 * @param user is disposed with it
 */
export async function openRunner(
  request: MigrationRunnerRequest,
  workFolder: string,
  user: BuildUser,
  openRoom: (options: RoomOptions) => Promise<BuildRoom>,
): Promise<MigrationRunner> {
  await using opened = new AsyncDisposableStack();
  opened.use(user);
  opened.defer(() => removeFolder(workFolder));
  const { permissions, databasePort, emit, signal } = request;
  const project = join(workFolder, "app");
  await mkdir(project, { recursive: true, mode: 0o700 });
  await copyKit(request.kit, project);
  const held = { permissions, databasePort, emit, signal };
  const room = await openRoom({ workFolder, project, isProjectChanged: true, user, ...held });
  const closing = opened.move();
  return {
    run: (url, timeoutMs) => runMigration(room, request, url, timeoutMs),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** Copies a kit to where its processes may change it; those of the store are for reading alone. */
async function copyKit(kit: string, to: string): Promise<void> {
  for (const argv of [
    ["cp", "-RP", "--reflink=auto", `${kit}/.`, to],
    ["chmod", "-R", "u+w", to],
  ]) {
    const { exitCode, stderr } = await runCommand(argv, { timeoutMs: chownTimeoutMs });
    if (exitCode !== 0) {
      const cause = new Error(`${argv[0]} failed: ${stderr}`);
      throw new PlatformError("INTERNAL", [], { cause });
    }
  }
  await chmod(to, 0o755);
}

async function runMigration(
  room: BuildRoom,
  { migrations, environment }: Pick<MigrationRunnerRequest, "migrations" | "environment">,
  url: string,
  timeoutMs: number,
): Promise<RunEnd> {
  const { project } = room.places;
  const { bun, emptyConfig } = room.programs;
  const access = databaseValues(url);
  room.output.hide([...hiddenValues(environment), url, access["PGPASSWORD"] ?? ""]);
  const { module, source } = migrations;
  const argv =
    module === null
      ? ["/bin/sh", "-c", source]
      : [bun, "--no-env-file", "--no-install", `--config=${emptyConfig}`, join(project, module)];
  let ended: Ended;
  try {
    ended = await room.run("migrate", argv, {
      cwd: join(project, migrations.folder),
      env: { ...Object.fromEntries(runValues(environment)), ...access },
      timeoutMs,
    });
  } catch (error) {
    if (!(error instanceof StepTimeout)) throw error;
    return { lines: [...room.output.lastLines], failure: null, isLate: true };
  }
  const lines = [...room.output.lastLines];
  const said = lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1);
  const why = said === undefined ? "" : `: ${said.trim()}`;
  const failure = ended.exitCode === 0 ? null : `${describeEnd(ended)}${why}`;
  return { lines, failure, isLate: false };
}

/** What clients of PostgreSQL look for in their environment. */
function databaseValues(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    DATABASE_URL: url,
    PGHOST: hostname,
    PGPORT: port === "" ? "5432" : port,
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
  };
}
