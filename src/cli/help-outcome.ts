/** What a program that asks for help with `--json` gets. */
import type { Outcome, Verb } from "./verb.ts";

/** @param verbs those that are listed for a program. */
export function helpOutcome(topic: string | null, text: string, verbs: readonly Verb[]): Outcome {
  return {
    data: { topic, text, commands: verbs.map(({ name, summary }) => ({ name, summary })) },
    // What can be run as it is, whoever asks: nothing that stops or changes anything.
    next: topic === null ? ["levain demo --once", "levain status", "levain apps"] : [],
    text: () => text.trimEnd(),
  };
}
