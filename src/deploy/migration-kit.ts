/**
 * The kit of a version's migrations: all that is needed to run them later, when nothing else of the build is left.
 *
 *   SQL files    the folder
 *   module       the module with what it imports in one file, and the files that it reads
 *   command      packages, package.json and the files that it reads; or the whole project
 *
 * It is an artifact of its own beside the version's, so that versions with the same migrations share it. What is in it
 * but for packages is what decides whether there is anything to do.
 */
import { rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { VersionMigrations } from "../base/version-migrations.ts";
import { readSqlFolder } from "../migrations/sql-folder.ts";
import { ARTIFACT_BOUNDS } from "./artifact-manifest.ts";
import type { ArtifactStore } from "./artifact-store.ts";
import type { BuildRoom } from "./build-room.ts";
import { bundleModule } from "./build-steps.ts";
import { kitBytesMax } from "./limits.ts";
import type { MigrateConfig } from "./migrate-config.ts";

/** A kit on its way into the artifact store. */
export interface BuiltKit {
  /** Absolute path; goes with the build. */
  folder: string;
  migrations: Omit<VersionMigrations, "kit" | "inputs">;
}

/** Folders in which the usual tools keep what a module of the project reads. */
const MODULE_FILES = [
  "drizzle",
  "migrations",
  "db/migrations",
  "src/migrations",
  "src/db/migrations",
];

/** What the usual tools read beside their packages. */
const TOOL_FILES: readonly (readonly [tool: RegExp, files: readonly string[]])[] = [
  [
    /\bdrizzle-kit\b/,
    ["drizzle", "migrations", "drizzle.config.ts", "drizzle.config.js", "drizzle.config.json"],
  ],
  [/\bprisma\b/, ["prisma", "prisma.config.ts", "prisma.config.js", "prisma.config.mjs"]],
];

/** What every command may ask for. */
const PACKAGE_FILES = [
  "package.json",
  "bun.lock",
  "package-lock.json",
  "tsconfig.json",
  "node_modules",
];

/**
 * Gathers the kit. Packages are installed, the development tools among them.
 *
 * @param folder of the app, relative to the project
 * @param env see `bundleApp`
 * @throws {PlatformError} `MIGRATION_INVALID`, and what bundling throws
 */
export async function makeKit(
  room: BuildRoom,
  folder: string,
  config: MigrateConfig,
  env: Readonly<Record<string, string>>,
  warnings: string[],
): Promise<BuiltKit> {
  const { way, source, timeoutMs, lockMs, trial } = config;
  const { project } = room.places;
  const kit = join(room.places.temporary, "kit");
  await rm(kit, { recursive: true, force: true });
  const app = join(project, folder);
  const base = { way, source, timeoutMs, lockMs, trial };
  switch (way) {
    case "sql":
      await copy(room, app, kit, source, [`${source}/.`]);
      // Before anything else is done with the deploy.
      await readSqlFolder(kit, source);
      return { folder: kit, migrations: { ...base, folder: "", module: null } };
    case "module": {
      const beside = posix.dirname(source);
      const found = [
        ...MODULE_FILES,
        posix.join(beside, "drizzle"),
        posix.join(beside, "migrations"),
      ];
      // First: what the node makes, the build's user cannot write into.
      await keep(room, app, join(kit, folder), config.files ?? found, config.files !== null);
      const module = await bundleModule(room, posix.join(folder, source), kit, env, warnings);
      return { folder: kit, migrations: { ...base, folder, module } };
    }
    case "command": {
      const files = config.files ?? TOOL_FILES.find(([tool]) => tool.test(source))?.[1] ?? null;
      // Workspaces lead to each other through links, and to what they share at the root.
      if (files === null || folder !== "") await copy(room, project, kit, source, ["."]);
      else {
        await keep(room, app, kit, files, config.files !== null);
        await keep(room, app, kit, PACKAGE_FILES, false);
      }
      return { folder: kit, migrations: { ...base, folder, module: null } };
    }
  }
}

/** Puts a kit into the artifact store. @throws {PlatformError} what `ArtifactStore.add` throws */
export async function addKit(
  artifacts: ArtifactStore,
  { folder, migrations }: BuiltKit,
  signal: AbortSignal,
): Promise<{ migrations: VersionMigrations; bytes: number }> {
  const leaveOut = (path: string) => /(?:^|\/)(?:\.git|\.env(?:\..*)?)$/.test(path);
  const bounds = { ...ARTIFACT_BOUNDS, bytesMax: kitBytesMax };
  const { digest, bytes } = await artifacts.add(folder, { leaveOut, bounds, signal });
  const entries = await artifacts.entries(digest);
  const hasher = new Bun.CryptoHasher("sha256").update(JSON.stringify(migrations.source));
  for (const entry of entries) {
    // Packages say how it is done, not what there is to do.
    if (/(?:^|\/)node_modules\//.test(entry.path) || LOCKED.test(entry.path)) continue;
    hasher.update(JSON.stringify([entry.path, "link" in entry ? entry.link : entry.sha256]));
  }
  return { migrations: { ...migrations, kit: digest, inputs: hasher.digest("hex") }, bytes };
}

/** What names packages; a module is bundled with them. */
const LOCKED = /(?:^|\/)(?:package\.json|bun\.lock|package-lock\.json|tsconfig\.json)$/;

async function keep(
  room: BuildRoom,
  from: string,
  to: string,
  paths: readonly string[],
  isDemanded: boolean,
): Promise<void> {
  const script = `
    mkdir -p "$to" || exit 1
    for path; do
      if [ -e "$path" ]; then mkdir -p "$to/$(dirname "$path")" && cp -RP "$path" "$to/$path" || exit 1
      elif [ "$demanded" = 1 ]; then echo "$path" >&2; exit 3; fi
    done`;
  const env = { to, demanded: isDemanded ? "1" : "0" };
  const ended = await room.run("build", ["/bin/sh", "-c", script, "sh", ...new Set(paths)], {
    cwd: from,
    env,
  });
  if (ended.exitCode === 0) return;
  const [last = ""] = room.output.lastLines.slice(-1);
  if (ended.exitCode === 3) {
    throw new PlatformError("MIGRATION_INVALID", [
      last,
      "`migrate.files` names it, and it is not there",
    ]);
  }
  throw new PlatformError("BUILD_FAILED", [`what migrations need cannot be kept: ${last}`]);
}

async function copy(
  room: BuildRoom,
  from: string,
  to: string,
  source: string,
  [path = "."]: readonly string[],
): Promise<void> {
  const script = '[ -d "$1" ] || exit 3; mkdir -p "$to" && cp -RP "$1" "$to/"';
  const ended = await room.run("build", ["/bin/sh", "-c", script, "sh", path], {
    cwd: from,
    env: { to },
  });
  if (ended.exitCode === 0) return;
  if (ended.exitCode === 3) {
    throw new PlatformError("MIGRATION_INVALID", [
      source,
      "there is no such folder; a command of one word is written as `migrate: { command: … }`",
    ]);
  }
  throw new PlatformError("BUILD_FAILED", ["what migrations need cannot be kept"]);
}
