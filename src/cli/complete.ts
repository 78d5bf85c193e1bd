/**
 * What could stand where the cursor is, from the words before it: commands, flags, and values by the name that the verb's
 * own data gives them. Pure; values that a node knows are asked for by who calls.
 */
import type { Verb } from "./verb.ts";

/** A word and what it means; "" for nothing to say. */
export type Candidate = readonly [word: string, meaning: string];

/** What a value is, by its name in the verb's data. */
export type ValueKind = "apps" | "branches" | "versions" | "commands" | "codes" | "contexts";

export type Completion =
  | { kind: "words"; words: Candidate[] }
  | { kind: "files" }
  | { kind: "folders" }
  | { kind: "values"; of: ValueKind; app: string | null };

type Flag = readonly [syntax: string, meaning: string];

/** Values by the name that stands between the brackets. */
const KINDS: Readonly<Record<string, Completion["kind"] | ValueKind>> = {
  app: "apps",
  "app@version": "apps",
  version: "versions",
  branch: "branches",
  dir: "folders",
  file: "files",
  command: "commands",
  code: "codes",
};
/** Flags whose value is called just a name. */
const FLAG_KINDS: Readonly<Record<string, ValueKind>> = {
  "--app": "apps",
  "--branch": "branches",
  "--to": "versions",
  "--context": "contexts",
};

const nothing: Completion = { kind: "words", words: [] };

/**
 * @param words behind `levain`; the last is the one that is being typed, perhaps empty
 * @param shared flags of every verb, and of those that ask a node
 */
export function complete(
  words: readonly string[],
  verbs: readonly Verb[],
  shared: { all: readonly Flag[]; node: readonly Flag[] },
): Completion {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const known = [...shared.all, ...shared.node];
  const { verb, args, open } = readBefore(before, verbs, known);
  const flags =
    verb === null
      ? shared.all
      : [...(verb.flags ?? []), ...(verb.asksNode === true ? shared.node : []), ...shared.all];
  const app = appIn(verb, args);
  const assigned = /^(--[\w-]+)=/.exec(typed)?.[1];
  const flag = open ?? assigned;
  if (flag !== undefined) return flagValue(flag, flags, app);
  if (typed.startsWith("-")) return { kind: "words", words: flagWords(flags) };
  if (verb === null) {
    return { kind: "words", words: verbs.map(({ name, summary }) => [name, summary]) };
  }
  const argument = verb.arguments?.[args.length];
  if (argument === undefined) return nothing;
  const [syntax, , choices] = argument;
  if (choices !== undefined) return { kind: "words", words: choices.map((word) => [word, ""]) };
  return byName(/[<[](.*)[>\]]/.exec(syntax)?.[1]?.replace("[@version]", "") ?? "", app);
}

/** The verb, its arguments so far, and the flag that waits for its value. */
function readBefore(words: readonly string[], verbs: readonly Verb[], shared: readonly Flag[]) {
  let verb: Verb | null = null;
  const args: string[] = [];
  let open: string | undefined;
  for (const word of words) {
    if (open !== undefined) open = undefined;
    else if (word.startsWith("-")) {
      const flags = [...shared, ...(verb?.flags ?? [])];
      if (!word.includes("=") && takesValue(word, flags)) open = word;
    } else if (verb === null) {
      verb = verbs.find(({ name }) => name === word) ?? null;
    } else args.push(word);
  }
  return { verb, args, open };
}

function flagValue(flag: string, flags: readonly Flag[], app: string | null): Completion {
  const syntax = flags.find(([own]) => names(own).includes(flag))?.[0] ?? "";
  const kind = FLAG_KINDS[flag];
  if (kind !== undefined) return { kind: "values", of: kind, app };
  return byName(/<(.*)>/.exec(syntax)?.[1] ?? "", app);
}

function byName(name: string, app: string | null): Completion {
  const kind = KINDS[name];
  if (kind === undefined) return nothing;
  if (kind === "files" || kind === "folders") return { kind };
  return { kind: "values", of: kind as ValueKind, app };
}

function appIn(verb: Verb | null, args: readonly string[]): string | null {
  const index = verb?.arguments?.findIndex(([syntax]) => /^[<[]app\b/.test(syntax)) ?? -1;
  return args[index]?.split("@")[0] ?? null;
}

function takesValue(word: string, flags: readonly Flag[]): boolean {
  return flags.some(([syntax]) => names(syntax).includes(word) && syntax.includes("<"));
}

function flagWords(flags: readonly Flag[]): Candidate[] {
  return [...flags, ["-h, --help", "explain the command"] as const].map(([syntax, meaning]) => [
    names(syntax).at(-1) ?? syntax,
    meaning,
  ]);
}

/** `-f` and `--follow` of `-f, --follow <text>`. */
function names(syntax: string): string[] {
  return syntax.replace(/ ?[<[].*/, "").split(", ");
}
