/**
 * Finds the file that starts an app, from the list of the project's files and its package.json. The first that exists
 * wins: `entry` of the config, the `start` script, `module`, `exports`, `main`, then the usual names. Pure.
 */
import { posix } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { Manifest } from "./framework.ts";
import { readStartCommand, type StartCommand, scriptsOf } from "./start-command.ts";

/** What starts an app. */
export interface FoundEntry {
  /** A path of the project's files. */
  entry: string;
  /** What stood behind it in the script that named it. */
  args: string[];
  /** Parts of that script that are not taken over; see `StartCommand`. */
  leftOut: string[];
}

const PLAIN = { args: [], leftOut: [] };
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
/** Scripts that start a server; what is meant for production goes before the other. */
const START_SCRIPTS = ["start:prod", "start"];

/**
 * @param configured `entry` of the config, or null
 * @param files paths relative to the project, with `/`
 * @throws {PlatformError} `ENTRY_NOT_FOUND` with all that was tried
 */
export function findEntry(
  configured: string | null,
  manifest: Manifest,
  files: ReadonlySet<string>,
): FoundEntry {
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
    return { entry: found, ...PLAIN };
  }
  for (const [path, origin, start] of named(manifest)) {
    const found = look(path, origin, true);
    if (found !== null) return { entry: found, ...PLAIN, ...start };
  }
  for (const path of usualPaths()) if (files.has(path)) return { entry: path, ...PLAIN };
  tried.push(`${NAMES.join(", ")} with .ts, .tsx, .js … in the project's folder and in src/`);
  throw new PlatformError("ENTRY_NOT_FOUND", [tried.join(", ")], {
    detail: detailOf(manifest, files),
  });
}

/**
 * The file that a start command means: `node dist/main` is how many write `node dist/main.js`.
 *
 * @throws {PlatformError} `ENTRY_NOT_FOUND`
 */
export function findModuleFile(path: string, files: ReadonlySet<string>): string {
  const plain = posix.normalize(path).replace(/^\.\//, "");
  for (const candidate of spellings(plain)) if (files.has(candidate)) return candidate;
  throw new PlatformError("ENTRY_NOT_FOUND", [`${plain} (start command)`]);
}

/** Whether package.json names a file that is there, so that what `findEntry` finds is no guess. */
export function namesEntry(manifest: Manifest, files: ReadonlySet<string>): boolean {
  for (const [path] of named(manifest)) {
    const plain = posix.normalize(path).replace(/^\.\//, "");
    for (const candidate of spellings(plain)) if (files.has(candidate)) return true;
  }
  return false;
}

type Named = [path: string, origin: string, start?: Omit<FoundEntry, "entry">];

function* named(manifest: Manifest): Iterable<Named> {
  for (const name of START_SCRIPTS) {
    const command = startOf(manifest, name);
    if (command === null || !("module" in command.target)) continue;
    const { args, leftOut } = command;
    yield [command.target.module, `${name} script in package.json`, { args, leftOut }];
  }
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

/** The module that the `start` script starts, as it is written there; null when it starts none. */
export function scriptedModule(manifest: Manifest): string | null {
  const commands = START_SCRIPTS.map((name) => startOf(manifest, name));
  const command = commands.find((found) => found !== null && "module" in found.target);
  return command !== undefined && command !== null && "module" in command.target
    ? command.target.module
    : null;
}

function startOf(manifest: Manifest, script: string): StartCommand | null {
  const command = scriptsOf(manifest).get(script);
  return command === undefined ? null : readStartCommand(command, manifest);
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

/** A hint for the usual causes: this is the root of a monorepo, or what would be started has not been built. */
function detailOf(manifest: Manifest, files: ReadonlySet<string>): Record<string, unknown> {
  if (manifest.workspaces !== undefined || files.has("pnpm-workspace.yaml")) {
    const workspace = [...files].filter((path) => path.endsWith("/package.json")).sort()[0];
    const example = workspace === undefined ? "<its folder>" : posix.dirname(workspace);
    return {
      hint: `this is the root of a monorepo; deploy one of its workspaces: \`levain deploy ${example}\``,
    };
  }
  const scripts = [...scriptsOf(manifest).keys()].filter((name) => name.startsWith("build:"));
  if (scripts.length === 0) return {};
  return {
    hint: `package.json has scripts ${scripts.join(", ")}; say which one builds the app: \`build: "bun run ${scripts[0]}"\` in levain.config.ts`,
  };
}
