/**
 * The packages that a build had installed, as they are kept with a version: what `levain inspect --sbom` is made from,
 * and what two versions are compared by. Plain JSON; it depends on the packages alone, so that versions share it.
 */
import { z } from "zod";
import { packageListMax, packageScriptsMax, packageTextCharactersMax } from "./limits.ts";

const text = z.string().max(packageTextCharactersMax);

export const installedPackage = z.object({
  name: text.min(1),
  version: text,
  /** As its package.json says it, mostly an SPDX expression; null when it does not. */
  license: text.nullable(),
  /** As the lockfile has it, such as `sha512-…`; null when it has none. */
  integrity: text.nullable(),
  /** Address that the lockfile names; null for the registry's ordinary one. */
  resolved: text.nullable(),
  /** Only what the project develops with needs it. */
  isDevelopment: z.boolean(),
  /** It is a workspace of the project itself. */
  isLocal: z.boolean(),
  /** Names of the lifecycle scripts that an installer would run: `preinstall`, `install`, `postinstall`. */
  scripts: z.array(text).max(packageScriptsMax),
  /** Places in the list of the packages it uses. */
  uses: z.array(z.int().nonnegative()).max(packageListMax),
});

export const packageList = z.object({
  /** Of this format. */
  format: z.literal(1),
  /** By name, then version; each pair once. */
  packages: z.array(installedPackage).max(packageListMax),
  /** Places in the list of the packages that the project itself names. */
  uses: z.array(z.int().nonnegative()).max(packageListMax),
  /** Packages beyond the bound, which are not listed. Count. */
  leftOut: z.int().nonnegative(),
});

export type InstalledPackage = z.infer<typeof installedPackage>;
export type PackageList = z.infer<typeof packageList>;

/** A project without packages. */
export const noPackages: PackageList = { format: 1, packages: [], uses: [], leftOut: 0 };

/** Names a list in the store. 64 hex digits. */
export function packageListDigest(list: PackageList): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(list)).digest("hex");
}
