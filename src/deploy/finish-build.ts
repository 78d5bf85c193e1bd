/** From what a build has left to what becomes the artifact: one file or installed packages, and only what is needed. */
import { readdir, rm } from "node:fs/promises";
import { join, posix } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { type BuildOutcome, outcomeOf, type PlannedBuild } from "../project/build-plan.ts";
import { findModule, writeStart } from "./app-start.ts";
import type { BuildRoom } from "./build-room.ts";
import { bundleApp, copyPath, prunePackages } from "./build-steps.ts";
import type { DeployEvent } from "./deploy-api.ts";
import { readProjectFacts } from "./project-facts.ts";
import { removeBuildLeftovers } from "./project-files.ts";

/** Paths are relative to the artifact. */
export interface FinishedBuild {
  /** Module to import; null: there are only assets. */
  entry: string | null;
  args: string[];
  assets: BuildOutcome["assets"];
  /** See `BundledApp`. */
  client: string | null;
  /** Of the app; "" for the whole project. */
  folder: string;
  /** The module before it was bundled. */
  source: string | null;
  bundled: boolean;
}

/**
 * @param folder of the app, relative to the project; "" for the same
 * @param hasTools whether development dependencies are installed
 * @param env see `bundleApp`
 * @throws {PlatformError} `BUILD_OUTPUT_MISSING`, `ENTRY_NOT_FOUND`, `START_UNKNOWN`, and what bundling throws
 */
export async function finishBuild(
  room: BuildRoom,
  folder: string,
  planned: PlannedBuild,
  hasTools: boolean,
  env: Readonly<Record<string, string>>,
  warnings: string[],
  emit: (event: DeployEvent) => void,
): Promise<FinishedBuild> {
  const { project } = room.places;
  const facts = await readProjectFacts(join(project, folder));
  const outcome = outcomeOf(planned, facts);
  if (typeof outcome === "string") throw new PlatformError("BUILD_OUTPUT_MISSING", [outcome]);
  const { start } = outcome;
  const source = start === null ? null : await findModule(project, folder, start, facts);
  for (const part of start?.leftOut ?? []) {
    warnings.push(
      `\`${part}\` of the start command is not taken over; values belong into \`env\`, commands into \`build\``,
    );
  }
  let entry = source;
  let client: string | null = null;
  if (outcome.bundle && source !== null) {
    emit({ type: "step", step: "bundle" });
    ({ entry, client } = await bundleApp(room, source, env, warnings));
  }
  for (const [from, to] of outcome.copies) {
    await copyPath(room, join(project, folder), from, to);
  }
  if (outcome.needsPackages && hasTools) await prunePackages(room, warnings);
  if (outcome.keep !== null && source !== null) await keepOnly(project, folder, outcome.keep);
  // Of pages nothing is left over: what is no asset goes when they are prepared.
  if (source !== null) {
    await removeBuildLeftovers(project, outcome.needsPackages || outcome.keep !== null);
  }
  if (entry !== null && folder !== "") entry = await writeStart(project, folder, entry);
  const { assets } = outcome;
  return {
    entry,
    args: start?.args ?? [],
    assets: assets === null ? null : { ...assets, folder: posix.join(folder, assets.folder) },
    client,
    folder,
    source,
    bundled: outcome.bundle,
  };
}

/** Leaves of a project what is named, beside the app's package.json, which says how its modules are read. */
async function keepOnly(project: string, folder: string, paths: readonly string[]): Promise<void> {
  const wanted = [...paths, "package.json"].map((path) => join(folder, path));
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const entry of await readdir(join(project, path), { withFileTypes: true })) {
      const inside = path === "" ? entry.name : `${path}/${entry.name}`;
      if (wanted.includes(inside)) continue;
      // Never through a link: what is behind one is not the project's.
      const leads = entry.isDirectory() && wanted.some((name) => name.startsWith(`${inside}/`));
      if (leads) pending.push(inside);
      else await rm(join(project, inside), { recursive: true, force: true });
    }
  }
}
