/** What a person should know of a project before it runs somewhere else than on their machine. */
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { Manifest } from "../project/framework.ts";
import { readSmall } from "./project-files.ts";

/** @throws {PlatformError} `LOCKFILE_MISSING` when nobody would read the warning */
export function warnOfLockfile(
  lockfile: string | null,
  isUnattended: boolean,
  warnings: string[],
): void {
  if (lockfile !== null) return;
  if (isUnattended) throw new PlatformError("LOCKFILE_MISSING", []);
  warnings.push(
    "there is no lockfile: versions were chosen now and can change; install with `bun install` or `npm install` and keep its lockfile with the project",
  );
}

/** What `bunfig.toml` would have run before the app. */
export async function warnOfPreload(project: string, warnings: string[]): Promise<void> {
  const text = await readSmall(join(project, "bunfig.toml"));
  if (text !== null && /^\s*preload\s*=/m.test(text)) {
    warnings.push("`preload` of bunfig.toml is not run; import what it names from the entry file");
  }
}

/** Apps run on Bun whatever package.json asks for; a range that its Node version is not in may mean trouble. */
export function warnOfEngines(manifest: Manifest, warnings: string[]): void {
  const engines = manifest.engines as { node?: unknown } | null | undefined;
  const range = engines?.node;
  if (typeof range !== "string" || Bun.semver.satisfies(process.versions.node, range)) return;
  warnings.push(
    `package.json asks for Node ${range}; apps run on Bun ${Bun.version}, which is like Node ${process.versions.node}`,
  );
}
