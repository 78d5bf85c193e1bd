/**
 * What a start command starts: `node build/index.js`, `react-router-serve ./build/server/index.js`, `npm run serve`. An
 * app is one process that imports one module, so the module and its arguments are all that is taken from it. Pure.
 */
import { posix } from "node:path";
import type { Manifest } from "./framework.ts";

export interface StartCommand {
  /** A path of the project, as it was written, or the name of a package's program. */
  target: { module: string } | { program: string };
  /** What the program or module gets as its arguments. */
  args: string[];
  /** Parts that are not taken over, as they were written: commands and variables in front, flags of the runtime. */
  leftOut: string[];
}

/** A script may name another script, which may name another. Count. */
const SCRIPT_HOPS_MAX = 4;
const RUNTIMES = /^(?:bun|node|tsx|ts-node|deno)$/;
const RUNNERS = /^(?:bun|bunx|npm|npx|pnpm|yarn)$/;
/** Words between a runner and what it runs. */
const RUN_WORDS = new Set(["run", "exec", "x", "dlx"]);
/** Flags of Node and Bun whose value is a word of its own. */
const FLAGS_WITH_VALUE = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "--preload",
  "--env-file",
  "--cwd",
  "-C",
  "--conditions",
]);
/** Levain sets these itself, as it is right. */
const ENV_IGNORED = new Set(["PORT", "HOST", "NODE_ENV", "HOME", "TMPDIR", "PATH"]);
/** Where a pipe, a redirection or `&` begins: `node server.js | pino-pretty`. What an app prints is its log anyway. */
const SHELL_OPERATOR = /^(?:\||&$|\d?[<>]|&>)/;
/** Set variables as words in front of a command. */
const ENV_PROGRAMS = new Set(["env", "cross-env", "cross-env-shell", "exec"]);

/**
 * @param command as it would be typed
 * @param manifest whose scripts it may name
 * @returns null when it starts nothing that is known: a shell's own words, an empty text
 */
export function readStartCommand(command: string, manifest: Manifest = {}): StartCommand | null {
  const scripts = scriptsOf(manifest);
  const leftOut: string[] = [];
  let text = command;
  let extra: string[] = [];
  for (let hop = 0; hop <= SCRIPT_HOPS_MAX; hop += 1) {
    // Of `build && start` the last command is the one that stays.
    const commands = text.split(/&&|;/).map((part) => part.trim());
    leftOut.push(...commands.slice(0, -1).filter((part) => part !== ""));
    const words = wordsOf(commands.at(-1) ?? "");
    const behind = words.findIndex((word) => SHELL_OPERATOR.test(word));
    if (behind !== -1) leftOut.push(words.splice(behind).join(" "));
    words.push(...extra);
    takeEnvironment(words, leftOut);
    const found = readWords(words, scripts, leftOut);
    if (found === null) return null;
    if (!("script" in found)) return { ...found, args: found.args.map(withPort), leftOut };
    text = scripts.get(found.script) ?? "";
    extra = found.args;
  }
  return null;
}

/** Scripts of package.json that are texts. */
export function scriptsOf(manifest: Manifest): Map<string, string> {
  const { scripts } = manifest;
  if (typeof scripts !== "object" || scripts === null) return new Map();
  const entries = Object.entries(scripts as Record<string, unknown>);
  return new Map(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

type Found = Pick<StartCommand, "target" | "args"> | { script: string; args: string[] };

function readWords(
  words: string[],
  scripts: ReadonlyMap<string, string>,
  leftOut: string[],
): Found | null {
  const program = words.shift();
  if (program === undefined) return null;
  const isRuntime = RUNTIMES.test(program);
  if (!isRuntime && !RUNNERS.test(program)) {
    const target = isPath(program) ? { module: program } : { program };
    return { target, args: words };
  }
  let isRun = false;
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (RUN_WORDS.has(word) && program !== "node") {
      isRun = true;
    } else if (word.startsWith("-")) {
      if (word === "--") continue;
      const hasValue = FLAGS_WITH_VALUE.has(word);
      const flag = hasValue ? `${word} ${words.shift() ?? ""}` : word;
      if (!/^--(?:bun|hot|watch|smol|silent)$/.test(word)) leftOut.push(flag);
    } else {
      const args = program === "npm" ? words.filter((arg) => arg !== "--") : words;
      const isScript = program !== "node" && program !== "tsx" && scripts.has(word);
      if (isScript && !isPath(word)) return { script: word, args };
      if (isRuntime && !(isRun && !isPath(word)) && !isInstalled(program, word)) {
        return { target: { module: word }, args };
      }
      return { target: isPath(word) ? { module: word } : { program: word }, args };
    }
  }
  return null;
}

/** `bun next start` runs a program, `node server` a module. */
function isInstalled(runtime: string, word: string): boolean {
  return runtime === "bun" && !isPath(word);
}

function isPath(word: string): boolean {
  return word.includes("/") || /\.[cm]?[jt]sx?$/.test(posix.basename(word)) || word === ".";
}

function takeEnvironment(words: string[], leftOut: string[]): void {
  for (;;) {
    const word = words[0] ?? "";
    const [, name] = /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(word) ?? [];
    if (name === undefined && !ENV_PROGRAMS.has(word)) return;
    if (name !== undefined && !ENV_IGNORED.has(name)) leftOut.push(word);
    words.shift();
  }
}

/** Whatever port an app asks for, it gets: one that the shell would have put in is as good as another. */
function withPort(word: string): string {
  return word.replace(/\$PORT\b|\$\{PORT(?::?-(\d+))?\}/g, (_, port) => port ?? "3000");
}

/** Words as a shell would take them apart; quotes hold words together. */
function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [whole] of command.matchAll(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g)) {
    words.push(
      whole.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single ?? ""),
    );
  }
  return words;
}
