/**
 * The command line: words in, one use of a verb, what it came to as text or as one JSON object, and an exit code.
 *
 *   argv ──▶ verb ──run()──▶ outcome ──▶ stdout, exit 0
 *              └───────────▶ failure ──▶ stderr (text) or stdout (JSON), exit 1; 2 when the words were wrong
 *
 * With `--json` exactly one object goes to stdout, whatever happens, except for the lines of a stream.
 */
import type { ErrorBody } from "../base/errors.ts";
import type { RunDev } from "../dev/dev-options.ts";
import { AdminClient } from "./admin-client.ts";
import type { CliIo } from "./cli-io.ts";
import { dataDirOf } from "./data-dir.ts";
import { errorBodyOf, exitCodeOf, nextAfter, renderFailure } from "./failure.ts";
import { nodeTargetOf } from "./node-target.ts";
import { createPaint, wantsColor } from "./paint.ts";
import type { Selection } from "./program.ts";
import type { RunNode } from "./run-node.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export interface CliHost extends CliIo {
  /** Runs a node in this process, for `up`. */
  runNode: RunNode;
  /** Serves a project in this process, for `dev`. */
  runDev: RunDev;
}

/** Verbs that a program has, each loaded when it is named. */
export type VerbTable = Readonly<Record<string, () => Promise<Verb>>>;

/**
 * @param formerNames names that verbs had before, still understood
 * @returns the exit code: 0 done, 1 failed, 2 not used as it is meant. Never throws, never ends the process.
 */
export async function runWords(
  argv: readonly string[],
  host: CliHost,
  table: VerbTable,
  formerNames: Readonly<Record<string, string>>,
): Promise<number> {
  const words = normalize(argv, formerNames);
  const name = verbWord(words) ?? "";
  // What cannot be read still has to be answered in the form that was asked for.
  let isJson = beforeTerminator(words).includes("--json");
  let command = (text: string) => text;
  let app: string | undefined;
  try {
    const verbs = await verbsFor(name, table);
    if (!isJson && asksForJson(verbs, name, host.env)) {
      words.splice(words.indexOf(name) + 1, 0, "--json");
      isJson = true;
    }
    let selection = readPlainWords(words, verbs);
    if (selection === null) {
      const { helpOf, readWords } = await import("./program.ts");
      selection = readWords(words, verbs);
      if (selection === null) {
        const text = helpOf(name === "" ? undefined : name, verbs, host.stdout.columns);
        const { helpOutcome } = await import("./help-outcome.ts");
        print("help", helpOutcome(name === "" ? null : name, text, verbs), isJson, host);
        return 0;
      }
    }
    const { verb, args, flags } = selection;
    const dataDirFlag = typeof flags.dataDir === "string" ? flags.dataDir : undefined;
    const places = [
      ["--data-dir", dataDirFlag],
      ["--node", verb.name === "login" ? undefined : flags.node],
      ["--context", flags.context],
    ].flatMap(([flag, value]) =>
      value === undefined ? [] : [` ${flag} ${shellWord(`${value}`)}`],
    );
    command = (text) => text + places.join("");
    const isNamingApp = /^[<[]app[>\]]$/.test(verb.arguments?.[0]?.[0] ?? "");
    if (isNamingApp) app = args[0];
    const dataDir = dataDirOf(dataDirFlag, host.env, host.cwd);
    const target = nodeTargetOf(verb, flags, host.env, dataDir);
    const call: Call = {
      args,
      flags,
      isJson: flags.json === true,
      io: host,
      paint: createPaint(flags.color !== false && wantsColor(host.stdout.isTerminal, host.env)),
      dataDir,
      client: new AdminClient(target),
      nodeUrl: target.url ?? null,
      nodeCa: target.ca ?? null,
      command,
      runNode: host.runNode,
      runDev: host.runDev,
    };
    const outcome = await verb.run(call);
    if (outcome.isPrinted !== true) print(verb.name, outcome, isJson, host);
    return outcome.exitCode ?? 0;
  } catch (thrown) {
    const error = errorBodyOf(thrown);
    const next = nextAfter(error, Object.hasOwn(table, name) ? name : "", app, command);
    printFailure(name, error, next, isJson, words, host);
    // A mistake of ours: whoever reports it needs the place.
    if (error.code === "INTERNAL" && !isJson && thrown instanceof Error && thrown.stack) {
      host.stderr.write(`\n${thrown.stack}\n`);
    }
    return exitCodeOf(error);
  }
}

function print(command: string, outcome: Outcome, isJson: boolean, io: CliIo): void {
  if (isJson) {
    const next = outcome.next ?? [];
    io.stdout.write(`${JSON.stringify({ ok: true, command, data: outcome.data, next })}\n`);
    return;
  }
  const text = outcome.text?.() ?? "";
  if (text !== "") io.stdout.write(`${text}\n`);
}

function printFailure(
  command: string,
  error: ErrorBody,
  next: readonly string[],
  isJson: boolean,
  words: readonly string[],
  io: CliIo,
): void {
  if (isJson) {
    io.stdout.write(`${JSON.stringify({ ok: false, command, error, next })}\n`);
    return;
  }
  const isColored = !words.includes("--no-color") && wantsColor(io.stderr.isTerminal, io.env);
  const columns = io.stderr.isTerminal ? io.stderr.columns : undefined;
  io.stderr.write(renderFailure(error, createPaint(isColored), columns));
}

/** Some verbs are told so by a variable too. */
function asksForJson(verbs: readonly Verb[], name: string, env: CliHost["env"]): boolean {
  const variable = verbs.find((verb) => verb.name === name)?.jsonVariable;
  return variable !== undefined && !["", "0", "false", "no", "off"].includes(env[variable] ?? "");
}

/** Only the verb that is named is loaded; all of them when none is, for help and for "did you mean". */
async function verbsFor(name: string, table: VerbTable): Promise<Verb[]> {
  const load = Object.hasOwn(table, name) ? table[name] : undefined;
  if (load !== undefined) return [await load()];
  return Promise.all(Object.values(table).map((loadOne) => loadOne()));
}

/** A verb alone, or with `--json`: the usual case, for which no parser has to be loaded. Null for all others. */
function readPlainWords(words: readonly string[], verbs: readonly Verb[]): Selection | null {
  const [verb] = verbs;
  const [first, second] = words;
  if (verb === undefined || first !== verb.name || words.length > 2) return null;
  if (second !== undefined && second !== "--json") return null;
  if (verb.arguments?.some(([syntax]) => syntax.startsWith("<"))) return null;
  return { verb, args: [], flags: { json: second === "--json" } };
}

/** `levain`, `levain --version` and `levain -V` are the verbs `help` and `version`; former names are the present ones. */
function normalize(
  argv: readonly string[],
  formerNames: Readonly<Record<string, string>>,
): string[] {
  const word = verbWord(argv);
  const now = Object.hasOwn(formerNames, word ?? "") ? formerNames[word as string] : undefined;
  if (now !== undefined) return argv.with(argv.indexOf(word as string), now);
  if (word !== undefined || argv.includes("--")) return [...argv];
  const isVersion = (word: string) => word === "--version" || word === "-V";
  if (argv.some(isVersion)) return [...argv.filter((word) => !isVersion(word)), "version"];
  const isHelp = (word: string) => word === "--help" || word === "-h";
  return [...argv.filter((word) => !isHelp(word)), "help"];
}

/** The first word that is neither a flag nor the value of one. */
function verbWord(argv: readonly string[]): string | undefined {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] as string;
    if (["--data-dir", "--node", "--context", "--token"].includes(word)) index += 1;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

function beforeTerminator(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end === -1 ? words : words.slice(0, end);
}

function shellWord(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
