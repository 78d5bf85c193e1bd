/** What a deploy is going to do, for a person: a line for each thing, each with the key or flag that changes it. */
import type { DeployPlan } from "../deploy/deploy-api.ts";
import { printableLine } from "./printable.ts";

/** Lines without indentation. */
export function planLines(plan: DeployPlan): string[] {
  const { framework, because, lockfile, build, output, start, assets, bundle } = plan;
  const startText = start ?? (assets === null ? "found after the build" : "nothing");
  return [
    ["framework", `${framework ?? "none"}: ${because}`],
    ["packages", lockfile ?? "no lockfile"],
    ["build", `${build ?? "nothing"}${output === null ? "" : ` → ${output}`}`],
    ["assets", assets ?? "none"],
    ["start", `${startText}${bundle && start !== null ? ", bundled" : ""}`],
  ].map(([name = "", text = ""]) => `${name.padEnd(10)} ${printableLine(text)}`);
}
