/** `levain rollback`: makes the version live again that was live before. */
import { appArgument } from "./app-argument.ts";
import { branchArgument } from "./branch-argument.ts";
import { liveOutcome } from "./promote.ts";
import type { Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const rollback: Verb = {
  name: "rollback",
  group: "Deploy",
  asksNode: true,
  summary: "Make the version before live again",
  description:
    "Goes back one step in what was live on the branch; --to goes to any version. Nothing is built " +
    "and no request is lost. The branch's database stays as it is: a rollback never touches data. The default of --branch is that of `levain deploy` for the app of this " +
    "folder, and main for every other app.",
  arguments: [["[app]", "name of the app; default: the app of this folder"]],
  flags: [
    ["--branch <name>", "branch to roll back (default: the Git branch, else main)"],
    ["--to <version>", "version to go back to, as v7 or 7"],
  ],
  examples: [
    ["levain rollback shop", "undo the last deploy or promote"],
    ["levain rollback shop --to v5", "go back to a version by its number"],
    ["levain rollback shop --branch cart-fix", "undo on a branch"],
  ],
  async run(call) {
    const app = await appArgument(call);
    const { to } = call.flags;
    const input = {
      branch: await branchArgument(call, app),
      ...(typeof to === "string" ? { to: parseVersionNumber(to, "--to") } : {}),
    };
    const data = await call.client.call("rollback", { app, input });
    return liveOutcome(
      data,
      call,
      data.version,
      data.warnings.map((text) => `! ${text}`),
    );
  },
};
