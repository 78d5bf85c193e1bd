/** `levain completion`: what a shell needs to complete commands, flags, and names that the node knows. */
import { CATALOG } from "../base/catalog.ts";
import { versionName } from "../base/version-spec.ts";
import { AdminClient } from "./admin-client.ts";
import { appOfFolder } from "./app-argument.ts";
import { type Candidate, complete, type ValueKind } from "./complete.ts";
import {
  COMPLETION_SCRIPTS,
  FILES_LINE,
  FOLDERS_LINE,
  SHELLS,
  type Shell,
  WORD_SEPARATOR,
} from "./completion-scripts.ts";
import { LOCAL, readContexts } from "./contexts.ts";
import { dataDirOf } from "./data-dir.ts";
import { usageError } from "./failure.ts";
import { completionTimeoutMs } from "./limits.ts";
import { nodeTargetOf } from "./node-target.ts";
import { printableLine } from "./printable.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

export const completion: Verb = {
  name: "completion",
  group: "Levain",
  summary: "Print what completes levain in a shell",
  description:
    "Load it where the shell starts. Commands and flags are completed by themselves, names of apps, " +
    "branches and versions by the node that the command would ask, which has to answer within two seconds.",
  arguments: [["[shell]", "bash, zsh or fish", SHELLS]],
  hiddenFlags: ["--line <words>"],
  examples: [
    ["source <(levain completion bash)", "in ~/.bashrc"],
    ["source <(levain completion zsh)", "in ~/.zshrc, behind compinit"],
    ["levain completion fish | source", "in ~/.config/fish/config.fish"],
  ],
  async run(call) {
    const { line } = call.flags;
    if (typeof line === "string") return lineOutcome(line.split(WORD_SEPARATOR), call);
    const [shell = ""] = call.args;
    if (!SHELLS.includes(shell as Shell)) {
      throw usageError(`there is no completion for "${shell}"; there is for ${SHELLS.join(", ")}`);
    }
    const script = COMPLETION_SCRIPTS[shell as Shell];
    return { data: { shell, script }, text: () => script.trimEnd() };
  },
};

async function lineOutcome(words: readonly string[], call: Call): Promise<Outcome> {
  const [{ loadVerbs }, { GLOBAL_FLAGS, NODE_FLAGS }] = await Promise.all([
    import("./verbs.ts"),
    import("./program.ts"),
  ]);
  const verbs = await loadVerbs();
  const found = complete(words, verbs, { all: GLOBAL_FLAGS, node: NODE_FLAGS });
  let candidates: readonly Candidate[] = [];
  if (found.kind === "files") candidates = [[FILES_LINE, ""]];
  else if (found.kind === "folders") candidates = [[FOLDERS_LINE, ""]];
  else if (found.kind === "words") candidates = found.words;
  else {
    // A node that is away, or slow, is no reason to keep anybody's cursor.
    const slow = Bun.sleep(completionTimeoutMs).then((): Candidate[] => []);
    const asked = valuesOf(found.of, found.app, words, verbs, call).catch((): Candidate[] => []);
    candidates = await Promise.race([asked, slow]);
  }
  const lines = candidates.map(([word, meaning]) =>
    meaning === "" ? word : `${word}\t${printableLine(meaning)}`,
  );
  return { data: { candidates: lines }, text: () => lines.join("\n") };
}

async function valuesOf(
  of: ValueKind,
  named: string | null,
  words: readonly string[],
  verbs: readonly Verb[],
  call: Call,
): Promise<Candidate[]> {
  if (of === "commands") return verbs.map(({ name, summary }) => [name, summary]);
  if (of === "codes") return Object.keys(CATALOG).map((code) => [code, ""]);
  if (of === "contexts") {
    const names = Object.keys(readContexts(call.io.env).contexts);
    return [LOCAL, ...names].map((name) => [name, ""]);
  }
  const client = clientFor(words, call);
  if (of === "apps") {
    const { apps } = await client.call("apps");
    return apps.map(({ name, branches }) => [name, branches[0]?.url ?? ""]);
  }
  const app = named ?? (await appOfFolder(call.io.cwd));
  if (of === "branches") {
    const { apps } = await client.call("apps");
    const branches = apps.find(({ name }) => name === app)?.branches ?? [];
    return branches.map(({ name, live }) => [name, live === null ? "" : versionName(live)]);
  }
  const { versions } = await client.call("versions", { app });
  return versions.map(({ number, message }) => [versionName(number), message ?? ""]);
}

/** The node that the command on the line would ask. */
function clientFor(words: readonly string[], { io, dataDir }: Call): AdminClient {
  const given = (flag: string) => {
    const index = words.indexOf(flag);
    const assigned = words.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
    return index === -1 ? assigned : words[index + 1];
  };
  const dir = given("--data-dir");
  const flags = {
    node: given("--node"),
    context: given("--context"),
    dataDir: dir,
    token: given("--token"),
  };
  const at = dir === undefined ? dataDir : dataDirOf(dir, io.env, io.cwd);
  return new AdminClient(nodeTargetOf({ ...completion, asksNode: true }, flags, io.env, at));
}
