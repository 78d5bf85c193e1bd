/** What `levain env` and `levain promote` say of environment values: names, and never a value. Pure. */
import type { EnvChange, EnvValueInfo } from "../control/api.ts";
import type { Paint } from "./paint.ts";

/** For which branches a value is. */
export function placeName({ scope, branch }: Pick<EnvValueInfo, "scope" | "branch">): string {
  if (scope === "branch") return branch;
  return scope === "all" ? "all branches" : "previews";
}

/** @param isForApp whether the running app sees it, and not builds alone */
export function describeChange(
  { app, scope, branch, added, replaced, removed, missing, branches }: EnvChange,
  paint: Paint,
  isForApp: boolean,
): string {
  const place = `${app}, ${placeName({ scope, branch })}`;
  const line = (word: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${paint.green("✔")} ${word} for ${place}: ${names.join(", ")}`];
  const effect =
    added.length + replaced.length + removed.length === 0
      ? []
      : branches.length === 0 || !isForApp
        ? [`  It takes effect with the next ${isForApp ? "deploy" : "build"}.`]
        : [
            `  What is live on ${shortList(branches)} keeps its values until the next deploy or`,
            "  `levain env apply`.",
          ];
  return [
    ...line("Set", added),
    ...line("Replaced", replaced),
    ...line("Taken away", removed),
    ...(missing.length === 0 ? [] : [`${paint.yellow("!")} Not set there: ${missing.join(", ")}`]),
    ...effect,
  ].join("\n");
}

export interface Difference {
  added: readonly string[];
  removed: readonly string[];
  changed: readonly string[];
  same: number;
}

/** A head line, then a line for each name. */
export function describeDifference(
  { added, removed, changed, same }: Difference,
  from: string,
  to: string,
  paint: Paint,
): string {
  const count = added.length + removed.length + changed.length;
  if (count === 0) return `${from} and ${to} have the same ${same} environment values`;
  return [
    `From ${from} to ${to}, ${count === 1 ? "1 environment value differs" : `${count} environment values differ`}:`,
    ...added.map((name) => paint.green(`  + ${name}`)),
    ...removed.map((name) => paint.red(`  - ${name}`)),
    ...changed.map((name) => paint.yellow(`  ~ ${name}`)),
  ].join("\n");
}

/** The first few of many. */
function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length <= 3 ? shown : `${shown} and ${names.length - 3} more`;
}
