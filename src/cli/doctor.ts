/** `levain doctor`: what this machine offers, and what follows. Needs no node. */
import type { Finding } from "../sandbox/capabilities.ts";
import type { Paint } from "./paint.ts";
import { setupZram } from "./setup-zram.ts";
import type { Verb } from "./verb.ts";
import { wrapWords } from "./wrap-words.ts";

export const doctor: Verb = {
  name: "doctor",
  group: "Node",
  summary: "Show what this machine offers, and what follows",
  description:
    "✔ is there, ✘ is missing and needed, · is only said. Looks at this machine, not at a node, and " +
    "changes nothing. Exits with 0 whatever it finds; with --json, `isReady` says whether something " +
    "that is needed is missing.\n\n" +
    "With --setup-zram it makes swap in zram, as root, so that idle apps can be paged out: as large as RAM, with at most " +
    "half of RAM for compressed pages, before other swap. It refuses where the machine has swap already, where " +
    "zram is used for something else, and in a container; where swap in zram is there, it does nothing.",
  flags: [
    ["--setup-zram", "make swap in zram; needs root"],
    ["--dry-run", "with --setup-zram: say what would be done, and do nothing"],
    ["--database-url <url>", "look at this PostgreSQL too, and say what it lacks"],
  ],
  examples: [
    ["levain doctor", "kernel, Landlock, cgroup, swap, users, PostgreSQL"],
    ["levain doctor --json", "the same for a program"],
    ["levain doctor --database-url postgres://…", "whether a server of yours will do"],
    ["levain doctor --setup-zram --dry-run", "the steps to swap in zram"],
  ],
  async run(call) {
    if (call.flags.setupZram === true) return setupZram(call, call.flags.dryRun === true);
    const { probeMachine } = await import("../sandbox/capabilities.ts");
    const { findings } = await probeMachine();
    const { databaseUrl } = call.flags;
    if (typeof databaseUrl === "string") {
      const { serverFinding } = await import("../control/server-finding.ts");
      findings.push(await serverFinding(databaseUrl));
    }
    const isReady = findings.every(({ ok }) => ok !== false);
    const { columns } = call.io.stdout;
    return {
      data: { isReady, findings },
      next: isReady ? [call.command("levain up --detach")] : [],
      text: () => findings.map((finding) => renderFinding(finding, columns, call.paint)).join("\n"),
    };
  },
};

function renderFinding({ name, value, ok, means }: Finding, columns: number, paint: Paint): string {
  const mark = ok === null ? "·" : ok ? paint.green("✔") : paint.red("✘");
  const lines = wrapWords(means, columns - 4).map((line) => `    ${paint.dim(line)}`);
  const [first = "", ...more] = wrapWords(value, columns - 13);
  const rest = more.map((line) => `${" ".repeat(13)}${line}`);
  return [`${mark} ${paint.bold(name.padEnd(10))} ${first}`, ...rest, ...lines].join("\n");
}
