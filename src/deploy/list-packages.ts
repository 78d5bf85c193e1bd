/** The step of a build that lists what is installed; a child of its own, held to reading the project. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BuildRoom } from "./build-room.ts";
import { runChild } from "./build-steps.ts";
import { packagesTimeoutMs } from "./limits.ts";
import { noPackages, type PackageList } from "./package-list.ts";

/**
 * Call it while everything is installed, also what only the build needs.
 *
 * @param folder of the app in the project; empty for the project itself
 * @param lockfile its name in the project, or null
 * @param warnings gets one when the packages cannot be listed, which is no reason to refuse a deploy
 * @returns null when they cannot be listed
 */
export async function listPackages(
  room: BuildRoom,
  folder: string,
  lockfile: string | null,
  warnings: string[],
): Promise<PackageList | null> {
  const { project: root } = room.places;
  const modules = [join(root, "node_modules"), join(root, folder, "node_modules")];
  if (!modules.some((path) => existsSync(path))) return noPackages;
  const request = { task: "packages", root, folder, lockfile } as const;
  const result = await runChild(room, request, packagesTimeoutMs);
  if (result.ok && result.task === "packages") return result.list;
  const why = result.ok ? "nothing came of it" : result.message.replaceAll(`${root}/`, "");
  warnings.push(`the installed packages could not be listed: ${why}`);
  return null;
}
