/**
 * The proof that a version serves, before it goes live: its process answers a real request, and its files are there. A
 * part of the composition root.
 */
import { loadSite } from "./assets/sites.ts";
import { PlatformError } from "./base/errors.ts";
import type { VersionSpec } from "./base/version-spec.ts";
import { bootCheck } from "./pool/boot-check.ts";
import type { Pools } from "./pool/pools.ts";

export interface VersionCheckOptions {
  pools: Pick<Pools, "of">;
  /** Absolute path of its asset manifest. May throw. */
  manifestPath(spec: VersionSpec): string;
  /** Host under which the process is asked. */
  host: string;
  signal: AbortSignal;
}

/**
 * A process stays warm.
 *
 * @throws {PlatformError} why the version cannot go live: `ASSETS_UNREADABLE`, `ASSETS_NO_PAGE`, or what `bootCheck`
 *   throws
 */
export async function checkVersion(spec: VersionSpec, options: VersionCheckOptions): Promise<void> {
  const { pools, manifestPath, host, signal } = options;
  const site = spec.assets === null ? null : loadSite(spec, manifestPath);
  if (spec.entry !== null) return bootCheck(pools.of(spec), host, signal);
  const { healthPath } = spec;
  const found = site?.find(healthPath) ?? site?.fallback(healthPath) ?? null;
  if (found === null) throw new PlatformError("ASSETS_NO_PAGE", [healthPath]);
}
