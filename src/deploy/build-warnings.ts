/** What a person should know of a project before it runs somewhere else than on their machine. */
import { join } from "node:path";
import type { AppConfig } from "./app-config.ts";
import { type Manifest, readSmall } from "./project-files.ts";

/** A script in package.json is the project's habit, not a request: it is not run, and that is said. */
export function warnOfBuildScript(manifest: Manifest, config: AppConfig, warnings: string[]): void {
  const scripts = manifest.scripts as { build?: unknown } | null | undefined;
  if (scripts?.build === undefined || config.build !== null) return;
  warnings.push(
    'package.json has a build script, which was not run: set `build: "bun run build"` in levain.config.ts, or `build: "true"` when there is nothing to build',
  );
}

/** What `bunfig.toml` would have run before the app. */
export async function warnOfPreload(project: string, warnings: string[]): Promise<void> {
  const text = await readSmall(join(project, "bunfig.toml"));
  if (text !== null && /^\s*preload\s*=/m.test(text)) {
    warnings.push("`preload` of bunfig.toml is not run; import what it names from the entry file");
  }
}
