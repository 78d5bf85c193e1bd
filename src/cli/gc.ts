/** `levain gc`: removes what nothing needs any more, or says what that is. */
import { versionName } from "../base/version-spec.ts";
import { showBytes, showCount } from "./units.ts";
import type { Verb } from "./verb.ts";

/** Versions of one app that are named in text; `--json` has all. Count. */
const namedMax = 10;

export const gc: Verb = {
  name: "gc",
  group: "Node",
  asksNode: true,
  summary: "Remove versions and artifacts that nothing needs",
  description:
    "Versions beyond the retention of their app, artifacts that no version names, and old logs of apps that are gone. " +
    "What is live, what a branch would be rolled back to and what runs is never removed. After each deploy this happens " +
    "for that app by itself.",
  flags: [["--dry-run", "say what would go, and remove nothing"]],
  examples: [
    ["levain gc --dry-run", "what would go, and how much room that gives"],
    ["levain gc", "remove it"],
  ],
  async run(call) {
    const isDryRun = call.flags.dryRun === true;
    const data = await call.client.call("gc", { input: { isDryRun } });
    return {
      data,
      next: isDryRun ? [call.command("levain gc")] : [call.command("levain apps")],
      text: () => {
        const { versions, artifacts, bytes, runtimes, logs } = data;
        const byApp = [...Map.groupBy(versions, ({ app }) => app)];
        const mark = isDryRun
          ? call.paint.yellow("would remove")
          : `${call.paint.green("✔")} removed`;
        const lines = byApp.map(([app, own]) => {
          const names = own.slice(0, namedMax).map(({ version }) => versionName(version));
          const rest = own.length - names.length;
          return `  ${app}: ${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
        });
        const unused = runtimes.map(({ name, bytes }) => `  ${name} (${showBytes(bytes)})`);
        const old = logs.map((app) => `  logs of ${app}, which is gone`);
        const sum = `${showCount(versions.length, "version")}, ${showCount(artifacts.length, "artifact")} (${showBytes(bytes)})`;
        return [`${mark} ${sum}`, ...lines, ...unused, ...old].join("\n");
      },
    };
  },
};
