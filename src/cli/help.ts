/** `levain help`, `levain --help` and `levain <command> --help`. */
import { usageError } from "./failure.ts";
import type { Outcome, Verb } from "./verb.ts";

export const help: Verb = {
  name: "help",
  group: "Levain",
  summary: "Explain a command, or list all",
  arguments: [["[command]", "command to explain"]],
  examples: [
    ["levain help", "list every command"],
    ["levain help deploy", "the same as levain deploy --help"],
  ],
  async run(call) {
    const [topic] = call.args;
    const [{ loadVerbs }, { helpOf }] = await Promise.all([
      import("./verbs.ts"),
      import("./program.ts"),
    ]);
    const verbs = await loadVerbs();
    if (topic !== undefined && !verbs.some(({ name }) => name === topic)) {
      throw usageError(`there is no command "${topic}"`);
    }
    return helpOutcome(topic ?? null, helpOf(topic, verbs, call.io.stdout.columns), verbs);
  },
};

/** @param verbs those that are listed for a program. */
export function helpOutcome(topic: string | null, text: string, verbs: readonly Verb[]): Outcome {
  return {
    data: { topic, text, commands: verbs.map(({ name, summary }) => ({ name, summary })) },
    // What can be run as it is, whoever asks: nothing that stops or changes anything.
    next: topic === null ? ["levain demo --once", "levain status", "levain apps"] : [],
    text: () => text.trimEnd(),
  };
}
