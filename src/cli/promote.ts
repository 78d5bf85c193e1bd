/** `levain promote`: makes a version live on a branch. The same bytes; nothing is built again. */
import type { LiveChange } from "../control/api.ts";
import { branchWords } from "./branch-argument.ts";
import type { Call, Outcome, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const promote: Verb = {
  name: "promote",
  group: "Deploy",
  asksNode: true,
  summary: "Make a version live on a branch",
  description:
    "The version is taken as it was deployed; nothing is built again, no request is lost. " +
    "Without --branch it becomes production, on whatever Git branch you are.",
  arguments: [
    ["<app>", "name of the app"],
    ["<version>", "version to make live, as v7 or 7"],
  ],
  flags: [["--branch <name>", "branch to make it live on (default: main)"]],
  examples: [
    ["levain promote shop v7", "what was tried on a branch becomes production"],
    ["levain promote shop v7 --branch staging", "the same on another branch"],
  ],
  async run(call) {
    const [app = "", version = ""] = call.args;
    const input = {
      version: parseVersionNumber(version, "version"),
      ...(typeof call.flags.branch === "string" ? { branch: call.flags.branch } : {}),
    };
    return liveOutcome(await call.client.call("promote", { app, input }), call);
  },
};

/** What `promote` and `rollback` came to. */
export async function liveOutcome(data: LiveChange, call: Call): Promise<Outcome> {
  const { app, branch, version, previous, url } = data;
  const onBranch = await branchWords(call, app, branch);
  const back =
    previous === null || previous === version
      ? []
      : [`levain promote ${app} v${previous}${branch === "main" ? "" : ` --branch ${branch}`}`];
  return {
    data,
    next: [`levain open ${app}${onBranch}`, `levain logs ${app} --follow`, ...back].map(
      call.command,
    ),
    text: () => {
      const before =
        previous === null
          ? ""
          : previous === version
            ? " (it was before)"
            : ` (before: v${previous})`;
      return `${call.paint.green("✔")} ${app} v${version} is live on ${branch}${before}\n  ${call.paint.cyan(url)}`;
    },
  };
}
