/** What `levain <command> --help` says below its options: examples, exit codes, environment. */
import type { Verb } from "./verb.ts";
import { wrapWords } from "./wrap-words.ts";

type Row = readonly [name: string, meaning: string];

/** What exit codes mean where a verb says nothing else. */
const EXITS: Readonly<Record<number, string>> = {
  0: "done",
  1: "failed; the error has a code that `levain errors` explains",
  2: "not used as it is meant, or a name or value that cannot be",
};

/** Variables that every command reads. */
const ENVIRONMENT: readonly Row[] = [
  ["LEVAIN_DATA_DIR", "as --data-dir; default: /var/lib/levain for root, else ~/.levain"],
  ["NO_COLOR", "no colors, whatever its value"],
  ["COLUMNS", "width of tables that go to no terminal; default: 80"],
];

/** Variables of the commands that ask a node. */
const NODE_ENVIRONMENT: readonly Row[] = [
  ["LEVAIN_NODE", "as --node"],
  ["LEVAIN_CONTEXT", "as --context"],
  ["LEVAIN_TOKEN", "as --token; not seen by other users of the machine, as a flag is"],
];

/** Begins with an empty line; no line is longer than `columns`, but a word that is. */
export function sectionsOf(verb: Verb, columns: number): string {
  const examples = verb.examples.flatMap(([words, meaning]) => [
    `  ${words}`,
    ...wrapWords(meaning, columns - 6).map((line) => `      ${line}`),
  ]);
  return [
    section("Examples", examples),
    section("Exit codes", rows(exitsOf(verb), columns)),
    section("Environment", rows(environmentOf(verb), columns)),
  ]
    .join("\n")
    .trimEnd();
}

/** Every exit code of a verb, in order. */
function exitsOf({ exits = [] }: Verb): Row[] {
  const all = { ...EXITS, ...Object.fromEntries(exits) };
  return Object.entries(all);
}

/** Every variable that a verb reads; its own first. */
export function environmentOf({ environment = [], asksNode }: Verb): Row[] {
  return [...environment, ...(asksNode === true ? NODE_ENVIRONMENT : []), ...ENVIRONMENT];
}

function section(title: string, lines: readonly string[]): string {
  return `\n${title}:\n${lines.join("\n")}`;
}

function rows(all: readonly Row[], columns: number): string[] {
  const width = Math.max(...all.map(([name]) => name.length));
  return all.flatMap(([name, meaning]) =>
    wrapWords(meaning, columns - width - 4).map(
      (line, index) => `  ${(index === 0 ? name : "").padEnd(width)}  ${line}`,
    ),
  );
}
