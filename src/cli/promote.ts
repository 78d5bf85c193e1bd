/** `levain promote`: makes a version live on a branch. The same bytes; nothing is built again. */
import { PlatformError } from "../base/errors.ts";
import type { LiveChange, PromotePlan } from "../control/api.ts";
import { branchWords } from "./branch-argument.ts";
import { describeDifference } from "./env-text.ts";
import { rebindTimeoutMs } from "./limits.ts";
import { migrationLines } from "./migration-text.ts";
import type { Paint } from "./paint.ts";
import type { Call, Outcome, Verb } from "./verb.ts";
import { parseVersionNumber } from "./version-number.ts";

export const promote: Verb = {
  name: "promote",
  group: "Deploy",
  asksNode: true,
  summary: "Make a version live on a branch",
  description:
    "The version's build is taken as it is; nothing is built again, no request is lost. When other " +
    "environment values are set for the branch than the version has, it becomes a version of its " +
    "own with those: what differs is shown, by name, and asked for. " +
    "Without --branch it becomes production, on whatever Git branch you are.",
  arguments: [
    ["<app>", "name of the app"],
    ["<version>", "version to make live, as v7 or 7"],
  ],
  flags: [
    ["--branch <name>", "branch to make it live on (default: main)"],
    ["--yes", "agree to the environment of the branch"],
    ["--force <reason>", "change production's runtime without a verdict of levain qualify"],
  ],
  examples: [
    ["levain promote shop v7", "what was tried on a branch becomes production"],
    ["levain promote shop v7 --branch staging", "the same on another branch"],
  ],
  async run(call) {
    const [app = "", text = ""] = call.args;
    const version = parseVersionNumber(text, "version");
    const { branch = "main" } = call.flags as { branch?: string };
    const input = { version, branch };
    const plan = await call.client.call("promotePlan", { app, input });
    const words = describePlan(plan, call.paint);
    if (words !== null && call.flags.yes !== true) {
      const question = `Make ${app} v${version} live on ${branch} with that?`;
      const isAgreed = await call.io.confirm(`${words}\n${question}`);
      if (isAgreed !== true) {
        throw new PlatformError("ENVIRONMENT_UNCONFIRMED", [app, `v${version}`, branch], {
          detail: {
            added: plan.added,
            removed: plan.removed,
            changed: plan.changed,
            baked: plan.baked,
          },
        });
      }
    }
    const data = await call.client.call("promote", {
      app,
      input: { ...input, expected: plan.id, ...forceOf(call) },
      answerTimeoutMs: rebindTimeoutMs,
    });
    return liveOutcome(data, call, data.source, [
      ...migrationLines(data.migrations),
      ...data.warnings.map((text) => `! ${text}`),
    ]);
  },
};

/** Why production is to change its runtime without a verdict. */
export function forceOf({ flags }: Pick<Call, "flags">): { force?: string } {
  return typeof flags.force === "string" ? { force: flags.force } : {};
}

/** What differs between what the version was made with and what the branch has, or null. */
function describePlan(plan: PromotePlan, paint: Paint): string | null {
  const { version, branch, added, removed, changed, baked } = plan;
  const differs = added.length + removed.length + changed.length > 0;
  if (!differs && baked.length === 0) return null;
  return [
    ...(differs ? [describeDifference({ ...plan, same: 0 }, `v${version}`, branch, paint)] : []),
    ...(baked.length === 0
      ? []
      : [
          `Built into v${version} and not as it is set for ${branch}: ${baked.join(", ")}.`,
          `To have those too, deploy to ${branch} instead.`,
        ]),
  ].join("\n");
}

function shown(notes: readonly string[], { paint }: Call): string {
  return notes
    .map((note) => `\n  ${note.startsWith("!") ? paint.yellow(note) : paint.dim(note)}`)
    .join("");
}

/** What `promote` and `rollback` came to. */
export async function liveOutcome(
  data: LiveChange,
  call: Call,
  source = data.version,
  notes: readonly string[] = [],
): Promise<Outcome> {
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
        previous === null ? "" : previous === version ? ", as before" : ` (before: v${previous})`;
      const how =
        source === version ? "" : `\n  it is v${source} with the environment of ${branch}`;
      return `${call.paint.green("✔")} ${app} v${version} is live on ${branch}${before}${how}\n  ${call.paint.cyan(url)}${shown(notes, call)}`;
    },
  };
}
