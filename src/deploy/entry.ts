/**
 * Finds the file that starts an app, from the list of the project's files and its package.json. The first that exists
 * wins: `entry` of the config, the `start` script, `module`, `exports`, `main`, then the usual names. Pure.
 */
import { posix } from "node:path";
import { PlatformError } from "../base/errors.ts";

/** The fields of package.json that are looked at; anything may be in them. */
export interface PackageManifest {
  name?: unknown;
  module?: unknown;
  main?: unknown;
  exports?: unknown;
  scripts?: unknown;
}

const EXTENSIONS = ["ts", "tsx", "mts", "js", "jsx", "mjs", "cts", "cjs"];
const NAMES = ["index", "server", "app", "main"];
const FOLDERS = ["", "src/"];
/** Where build commands put servers. */
const BUILT = [
  ".output/server/index.mjs",
  "dist/server/index.js",
  "dist/server.js",
  "dist/index.js",
  "dist/main.js",
  "build/server/index.js",
  "build/index.js",
];
/** A `start` script may name another script, which may name another. Count. */
const SCRIPT_HOPS_MAX = 4;

/**
 * @param configured `entry` of the config, or null
 * @param files paths relative to the project, with `/`
 * @returns a path of `files`
 * @throws {PlatformError} `ENTRY_NOT_FOUND` with all that was tried
 */
export function findEntry(
  configured: string | null,
  manifest: PackageManifest,
  files: ReadonlySet<string>,
): string {
  const tried: string[] = [];
  const look = (path: string, origin: string, isGuess: boolean): string | null => {
    const plain = posix.normalize(path).replace(/^\.\//, "");
    for (const candidate of isGuess ? spellings(plain) : [plain]) {
      if (files.has(candidate)) return candidate;
    }
    const words = `${plain} (${origin})`;
    if (!tried.includes(words)) tried.push(words);
    return null;
  };

  // What the config says is meant: nothing else is taken instead.
  if (configured !== null) {
    const found = look(configured, "entry in the config", false);
    if (found === null) throw new PlatformError("ENTRY_NOT_FOUND", [tried.join(", ")]);
    return found;
  }
  for (const [path, origin] of named(manifest)) {
    const found = look(path, origin, true);
    if (found !== null) return found;
  }
  for (const path of usualPaths()) if (files.has(path)) return path;
  tried.push(`${NAMES.join(", ")} with .ts, .tsx, .js … in the project's folder and in src/`);
  throw new PlatformError("ENTRY_NOT_FOUND", [tried.join(", ")], { detail: detailOf(manifest) });
}

function* named(manifest: PackageManifest): Iterable<[path: string, origin: string]> {
  const script = startedFile(manifest.scripts);
  if (script !== null) yield [script, "start script in package.json"];
  if (typeof manifest.module === "string") yield [manifest.module, "module in package.json"];
  const exported = exportedFile(manifest.exports);
  if (exported !== null) yield [exported, "exports in package.json"];
  if (typeof manifest.main === "string") yield [manifest.main, "main in package.json"];
}

function* usualPaths(): Iterable<string> {
  for (const name of NAMES) {
    for (const folder of FOLDERS) {
      for (const extension of EXTENSIONS) yield `${folder}${name}.${extension}`;
    }
  }
  yield* BUILT;
}

/** The path itself, then what it can stand for: `index.js` for `index.ts`, `src` for `src/index.ts`. */
function* spellings(path: string): Iterable<string> {
  yield path;
  const bare = path.replace(/\.[cm]?[jt]sx?$/, "");
  for (const extension of EXTENSIONS) yield `${bare}.${extension}`;
  for (const extension of EXTENSIONS) yield `${posix.join(path, "index")}.${extension}`;
}

/** The file that the `start` script starts, directly or by way of another script. */
function startedFile(scripts: unknown): string | null {
  if (typeof scripts !== "object" || scripts === null) return null;
  const commands = new Map<string, unknown>(Object.entries(scripts));
  let name = "start";
  for (let hop = 0; hop < SCRIPT_HOPS_MAX; hop += 1) {
    const command = commands.get(name);
    const target = typeof command === "string" ? startedBy(command) : null;
    if (target === null) return null;
    if (!commands.has(target)) return /\.[cm]?[jt]sx?$|\//.test(target) ? target : null;
    name = target;
  }
  return null;
}

/** What `bun run --hot src/x.ts`, `NODE_ENV=production node dist/x.js` or `npm run serve` starts. */
function startedBy(command: string): string | null {
  // Of `build && start` the last command is the one that stays.
  const words = (command.split(/&&|;/).at(-1) ?? "").trim().split(/\s+/);
  while (/^[A-Za-z_][A-Za-z0-9_]*=/.test(words[0] ?? "")) words.shift();
  if (!/^(bun|bunx|node|tsx|npm|pnpm|yarn)$/.test(words.shift() ?? "")) return null;
  return words.find((word) => !word.startsWith("-") && word !== "run") ?? null;
}

/** The path of `"."`, in the conditions that a server on Bun takes. */
function exportedFile(exports: unknown): string | null {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return null;
  const conditions = exports as Record<string, unknown>;
  for (const key of [".", "bun", "import", "module", "node", "default"]) {
    if (key in conditions) return exportedFile(conditions[key]);
  }
  return null;
}

/** A hint for the usual cause: what would be started has not been built. */
function detailOf(manifest: PackageManifest): Record<string, unknown> {
  const scripts = manifest.scripts;
  if (typeof scripts !== "object" || scripts === null || !("build" in scripts)) return {};
  return {
    hint: 'package.json has a build script; run it with `build: "bun run build"` in levain.config.ts',
  };
}
