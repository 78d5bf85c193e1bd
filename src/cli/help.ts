/** `levain help`, `levain --help` and `levain <command> --help`. */
import { usageError } from "./failure.ts";
import { helpOutcome } from "./help-outcome.ts";
import type { Verb } from "./verb.ts";

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
