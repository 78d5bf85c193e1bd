/**
 * What the children of builds run, where their users get to it: Bun, and the part of Levain that reads configurations and
 * bundles.
 *
 *   builds/.programs/bin/bun, bunx, node
 *   builds/.programs/child/build-child.ts …, node_modules/levain/
 *   builds/.programs/bun-<version>       only when this Bun is out of the users' reach
 *
 * Made anew for each node: nobody else writes there.
 */
import {
  chmodSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { blockedAt, type Identity, mayReadAndPass } from "../base/reach.ts";

/** Modules of this folder that the child consists of. */
const CHILD_MODULES = [
  "build-child.ts",
  "bundle-pages.ts",
  "bundle.ts",
  "checked-values.ts",
  "client-files.ts",
  "config-child.ts",
  "installed-packages.ts",
  "limits.ts",
  "lockfile-packages.ts",
  "module-locations.ts",
];

/** Modules of src/assets/ that it imports. */
const CHILD_ASSET_MODULES = [
  "asset-manifest.ts",
  "content-type.ts",
  "hashed-name.ts",
  "limits.ts",
  "prepare.ts",
];

export interface BuildPrograms {
  /** Bun itself. */
  bun: string;
  /** The module that reads configurations and bundles. */
  child: string;
  /** Folder for the front of a PATH. */
  bin: string;
  /** An empty bunfig.toml: a project's own would run its `preload` in our children. */
  emptyConfig: string;
  /** All that has to be readable. */
  readable: readonly string[];
}

/**
 * @param buildsDir is made; its users can pass through it
 * @param who an example of those users; null: the node's own
 */
export async function prepareBuildPrograms(
  buildsDir: string,
  who: Identity | null,
): Promise<BuildPrograms> {
  const folder = join(buildsDir, ".programs");
  rmSync(folder, { recursive: true, force: true });
  for (const name of ["", "assets", "bin", "child", "child/node_modules"]) {
    mkdirSync(join(folder, name), { recursive: true });
    // Whatever the umask is.
    chmodSync(join(folder, name), 0o755);
  }
  const bun = (await isWithinReach(process.execPath, who)) ? process.execPath : copyBun(folder);
  // A Node of the machine would make what is built depend on it, and those of distributions are too old for many.
  for (const name of ["bin/bun", "bin/bunx", "bin/node"]) symlinkSync(bun, join(folder, name));
  for (const name of CHILD_MODULES) {
    writePublic(join(folder, "child", name), readFileSync(join(import.meta.dir, name)));
  }
  const assets = join(import.meta.dir, "../assets");
  for (const name of CHILD_ASSET_MODULES) {
    writePublic(join(folder, "assets", name), readFileSync(join(assets, name)));
  }
  copyPublic(sdkFolder(), join(folder, "child/node_modules/levain"));
  const emptyConfig = join(folder, "empty-bunfig.toml");
  writePublic(emptyConfig, "");
  return {
    bun,
    child: join(folder, "child/build-child.ts"),
    bin: join(folder, "bin"),
    emptyConfig,
    readable: [bun, folder],
  };
}

/**
 * The folder of a Node or another tool that the operator has put on the PATH outside of the system's folders, such as
 * that of a version manager.
 *
 * @param path the PATH
 * @param dataDir of the node, which is in no such folder
 */
export function toolFolders(path: string, dataDir: string): string[] {
  return path.split(":").flatMap((bin) => {
    const prefix = dirname(bin);
    const isPlain = bin.startsWith("/") && bin.endsWith("/bin") && prefix.split("/").length > 2;
    if (!isPlain || bin.startsWith("/usr/")) return [];
    if (dataDir === prefix || dataDir.startsWith(`${prefix}/`)) return [bin];
    // Somebody's home has a `bin` too; only a prefix that consists of programs is given as a whole.
    return [existsSync(join(prefix, "lib/node_modules")) ? prefix : bin];
  });
}

async function isWithinReach(program: string, who: Identity | null): Promise<boolean> {
  if (who === null) return true;
  return (
    (await blockedAt(dirname(program), who)) === null && mayReadAndPass(statSync(program), who)
  );
}

function copyBun(folder: string): string {
  const copy = join(folder, `bun-${Bun.version}`);
  copyFileSync(process.execPath, copy, constants.COPYFILE_FICLONE);
  chmodSync(copy, 0o755);
  return copy;
}

function sdkFolder(): string {
  return dirname(dirname(fileURLToPath(import.meta.resolve("levain"))));
}

function copyPublic(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    dereference: true,
    filter: (path) => !path.endsWith(`${sep}node_modules`),
  });
  for (const path of [
    to,
    ...new Bun.Glob("**/*").scanSync({ cwd: to, onlyFiles: false, absolute: true }),
  ]) {
    chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
  }
}

function writePublic(path: string, bytes: Buffer | string): void {
  writeFileSync(path, bytes);
  chmodSync(path, 0o644);
}
