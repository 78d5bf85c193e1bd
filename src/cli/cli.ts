/** The command line of the whole program: every verb there is. */
import { type CliHost, runWords } from "./run-words.ts";
import { FORMER_NAMES, VERBS } from "./verbs.ts";

export type { CliHost } from "./run-words.ts";

/** @returns the exit code: 0 done, 1 failed, 2 not used as it is meant. Never throws, never ends the process. */
export function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  return runWords(argv, host, VERBS, FORMER_NAMES);
}
