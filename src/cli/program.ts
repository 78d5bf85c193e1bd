/**
 * The words on the command line, made into one use of one verb. Commander reads them by the verbs' own data; it prints
 * nothing and never ends the process.
 */
import { type Argument, Command, CommanderError, Option } from "commander";
import { usageError } from "./failure.ts";
import { sectionsOf } from "./help-sections.ts";
import { columnsDefault } from "./limits.ts";
import type { Verb } from "./verb.ts";

/** What was asked for. */
export interface Selection {
  verb: Verb;
  args: readonly (string | undefined)[];
  flags: Readonly<Record<string, string | boolean | undefined>>;
}

/** Flags that every verb takes. */
export const GLOBAL_FLAGS = [
  ["--data-dir <dir>", "folder of the node's data (LEVAIN_DATA_DIR)"],
  ["--json", "print one JSON object instead of text"],
  ["--no-color", "no colors, as with NO_COLOR"],
] as const;

/** Flags of verbs that ask a node. */
export const NODE_FLAGS = [
  ["--node <url>", "address of a node elsewhere, such as https://levain.example.com"],
  ["--context <name>", "a node you have logged in to; local: the data directory's"],
  ["--token <token>", "token in place of the one that is known for the node"],
] as const;

/** In the order of the help. */
export const groups: readonly Verb["group"][] = ["Develop", "Node", "Deploy", "Observe", "Levain"];

/**
 * @param verbs the verb that the words name, or all of them when they name none.
 * @returns null when help was asked for with `--help`; `helpOf` has its text.
 * @throws {PlatformError} `INPUT_INVALID` saying what is wrong with the words.
 */
export function readWords(argv: readonly string[], verbs: readonly Verb[]): Selection | null {
  refuseSwallowedFlag(argv, verbs);
  let selection: Selection | null = null;
  const program = buildProgram(verbs, (chosen) => {
    selection = chosen;
  });
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return null;
    const what = error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
    throw usageError(`${what}${versionHint(argv, verbs)}`);
  }
  return selection;
}

/** How this verb wants a version, when one is among the words in the way of another: `shop@v7`, `shop v7`, `--version v7`. */
function versionHint(argv: readonly string[], verbs: readonly Verb[]): string {
  const named = argv.find((word) => verbs.some(({ name }) => name === word)) ?? "";
  const verb = verbs.find(({ name }) => name === named);
  const words = argv.slice(argv.indexOf(named) + 1).join(" ");
  const [, app, version] = /^([a-z0-9-]+)[ @](v\d+)(?: |$)/.exec(words) ?? [];
  if (verb === undefined || app === undefined) return "";
  const takes = (text: string) =>
    [...(verb.arguments ?? []), ...(verb.flags ?? [])].some(([syntax]) => syntax.includes(text));
  const right = takes("@version")
    ? `${app}@${version}`
    : takes("--version <")
      ? `${app} --version ${version}`
      : `${app} ${version}`;
  return words.startsWith(right) || !takes("version") ? "" : `; write ${verb.name} ${right}`;
}

/** A flag whose value was forgotten would take the flag behind it for the value. */
function refuseSwallowedFlag(argv: readonly string[], verbs: readonly Verb[]): void {
  const named = argv.find((word) => verbs.some(({ name }) => name === word));
  const own = verbs.find(({ name }) => name === named)?.flags ?? [];
  const syntaxes = [...GLOBAL_FLAGS, ...NODE_FLAGS, ...own].map(([syntax]) => syntax);
  const takesValue = new Set(syntaxes.flatMap((syntax) => /(--[\w-]+) </.exec(syntax)?.[1] ?? []));
  for (const [index, word] of argv.entries()) {
    if (word === "--") return;
    const next = argv[index + 1];
    if (next === undefined || !takesValue.has(word) || !next.startsWith("--")) continue;
    throw usageError(
      `${word} needs a value; when "${next}" is meant as one, write ${word}=${next}`,
    );
  }
}

/** Text of `--help`: of one verb, or of the program when `name` is undefined. Ends in a newline. */
export function helpOf(name: string | undefined, verbs: readonly Verb[], columns: number): string {
  let text = "";
  const program = buildProgram(verbs, () => {});
  const command = program.commands.find((candidate) => candidate.name() === name) ?? program;
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => columns,
  });
  command.outputHelp();
  return text;
}

function buildProgram(verbs: readonly Verb[], choose: (selection: Selection) => void): Command {
  const program = quiet(new Command("levain"))
    .description("Turns this machine into a compute platform for TypeScript apps on Bun.")
    .usage("<command> [options]")
    .helpCommand(false)
    // "[options]" behind each name says nothing: they all have some.
    .configureHelp({
      subcommandTerm: (command) =>
        [command.name(), ...command.registeredArguments.map(argumentTerm)].join(" "),
    });
  addGlobalFlags(program);
  for (const group of groups) {
    for (const verb of verbs) if (verb.group === group) addVerb(program, verb, choose);
  }
  program.addHelpText(
    "after",
    `
Examples:
  levain new web notes          begin a project
  levain dev notes              serve it here, again with every save
  levain up --detach            start a node in the background
  levain deploy                 deploy the folder you are in
  levain logs shop --follow     watch what an app prints

Every command takes --json, and "levain <command> --help" explains it.`,
  );
  return program;
}

function addVerb(program: Command, verb: Verb, choose: (selection: Selection) => void): void {
  const command = quiet(program.command(verb.name))
    .helpGroup(`${verb.group}:`)
    .summary(verb.summary)
    .description(
      `${verb.summary}.${verb.description === undefined ? "" : `\n\n${verb.description}`}`,
    );
  for (const [syntax, meaning] of verb.arguments ?? []) command.argument(syntax, meaning);
  for (const [syntax, meaning] of verb.flags ?? []) {
    const isRepeatable = verb.repeatable?.some((name) => syntax.startsWith(`${name} `)) ?? false;
    if (isRepeatable) command.option(syntax, meaning, joined);
    else command.option(syntax, meaning);
  }
  for (const syntax of verb.hiddenFlags ?? []) command.addOption(new Option(syntax).hideHelp());
  command.optionsGroup("Global options:");
  if (verb.asksNode === true) {
    for (const [syntax, meaning] of NODE_FLAGS) command.option(syntax, meaning);
  }
  addGlobalFlags(command);
  command.addHelpText("after", ({ command: helped }) =>
    sectionsOf(verb, helped.configureOutput().getOutHelpWidth?.() ?? columnsDefault),
  );
  command.action(() => {
    const before = program.opts();
    const own = command.opts();
    choose({
      verb,
      args: command.processedArgs.flat() as (string | undefined)[],
      // Global flags may stand before the verb too; the one after it wins.
      flags: { ...before, ...own, color: before.color !== false && own.color !== false },
    });
  });
}

function joined(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

function addGlobalFlags(command: Command): void {
  for (const [syntax, meaning] of GLOBAL_FLAGS) command.option(syntax, meaning);
  command.helpOption("-h, --help", "explain the command");
}

function argumentTerm(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function quiet(command: Command): Command {
  return command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
}
