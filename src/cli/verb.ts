/**
 * What a verb of the command line is: data that the program, the help, `docs/cli.md` and the JSON Schemas are made
 * from, and a function that carries it out. One verb, one file.
 */
import type { RunDev } from "../dev/dev-options.ts";
import type { AdminClient } from "./admin-client.ts";
import type { CliIo } from "./cli-io.ts";
import type { Paint } from "./paint.ts";
import type { RunNode } from "./run-node.ts";

export interface Verb {
  /** One word; also the name of its schema in `docs/schemas/`. */
  name: string;
  /** Heading under which `levain --help` lists it. */
  group: "Develop" | "Node" | "Deploy" | "Observe" | "Levain";
  /** One line, an imperative without a full stop. */
  summary: string;
  /** What `--help` says below the usage line; paragraphs. */
  description?: string;
  /** As in the usage line, in order: `["<app>", "name of the app"]`, `["[dir]", …]`; with all the words it can be. */
  arguments?: readonly (readonly [syntax: string, meaning: string, choices?: readonly string[]])[];
  /** `["--branch <name>", "branch to …"]`; a flag without `<value>` is a yes or no. */
  flags?: readonly (readonly [syntax: string, meaning: string])[];
  /** Variables that it reads beside those of every command: `["LEVAIN_PORT", "as --port"]`. */
  environment?: readonly (readonly [name: string, meaning: string])[];
  /** Exit codes that mean something else here, or something nearer: `[1, "no node runs"]`. */
  exits?: readonly (readonly [code: number, meaning: string])[];
  /** Variable that asks for JSON as `--json` does. */
  jsonVariable?: string;
  /** It asks a node, which can be one behind a tunnel: the verb takes `--node` and `--token`. */
  asksNode?: true;
  /** It does not ask the context that was chosen, only one that the command or its variables name. */
  isLocalUnlessNamed?: true;
  /** Flags that may be given more than once, by their long name: the values come with commas between them. */
  repeatable?: readonly string[];
  /** Flags that Levain gives to itself; not in the help. */
  hiddenFlags?: readonly string[];
  /** At least one: the command and what it does. */
  examples: readonly (readonly [command: string, meaning: string])[];
  run(call: Call): Promise<Outcome>;
}

/** One use of a verb. */
export interface Call {
  /** Values of the verb's arguments, in order. */
  args: readonly (string | undefined)[];
  /** Values of the verb's flags by their long name in camelCase. */
  flags: Readonly<Record<string, string | boolean | undefined>>;
  /** Whether one JSON object is to be printed instead of text. */
  isJson: boolean;
  io: CliIo;
  /** For text on stdout. */
  paint: Paint;
  /** Absolute path of the data directory. */
  dataDir: string;
  /** Talks to the node of that data directory, or to the one that was named. Connects when used. */
  client: AdminClient;
  /** Address of a node that was named, on this machine or behind a tunnel; else null. */
  nodeUrl: string | null;
  /** Certificates in PEM that it is trusted by; null for those of this machine. */
  nodeCa: string | null;
  /** A command for `next`: with `--data-dir` and `--node` added when the user gave them, so that it can be pasted as it is. */
  command(words: string): string;
  runNode: RunNode;
  runDev: RunDev;
}

/** What a verb came to. */
export interface Outcome {
  /** `data` of the JSON object. */
  data: unknown;
  /** Useful commands to run next, most useful first. */
  next?: readonly string[];
  /** Text for stdout, without the final newline; empty for none. Called only without `--json`. */
  text?(): string;
  /** True when the verb has printed its lines itself and nothing is to follow. */
  isPrinted?: boolean;
  /** Default 0. */
  exitCode?: 0 | 1;
}
