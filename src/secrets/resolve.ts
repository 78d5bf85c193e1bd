/**
 * Which value wins, for one branch. The nearest one does:
 *
 *   a value of this branch ─▶ of all previews (not for main) ─▶ of all branches ─▶ the config's own ─▶ its rule's default
 *
 * Pure.
 */
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";
import type { EnvScope, StoredEnvValue } from "../store/env-values.ts";
import type { EnvDeclaration } from "./rules.ts";

/** Where a value of a version came from. */
export type EnvOrigin = EnvScope | "config" | "default";

export interface ResolvedValue {
  value: string;
  from: EnvOrigin;
}

/** Set values of a branch by name, the nearest of each. */
export function setValuesFor<Value extends Omit<StoredEnvValue, "sealed">>(
  values: readonly Value[],
  branch: string,
  when: "run" | "build",
): Map<string, Value> {
  const chosen = new Map<string, Value>();
  for (const value of values) {
    if (!(when === "run" ? value.atRun : value.atBuild)) continue;
    if (!isFor(value, branch)) continue;
    const other = chosen.get(value.name);
    if (other === undefined || nearness(value) > nearness(other)) chosen.set(value.name, value);
  }
  return chosen;
}

/** What an app starts with, by name. `set` is opened already. */
export function resolveRun(
  { rules, values }: EnvDeclaration,
  set: ReadonlyMap<string, ResolvedValue>,
): Map<string, ResolvedValue> {
  const resolved = new Map<string, ResolvedValue>();
  for (const [name, rule] of Object.entries(rules)) {
    if (rule.default !== undefined) resolved.set(name, { value: rule.default, from: "default" });
  }
  for (const [name, value] of Object.entries(values)) resolved.set(name, { value, from: "config" });
  for (const [name, value] of set) resolved.set(name, value);
  return resolved;
}

/** Names by what became of them between two environments. Sorted. */
export interface EnvDifference {
  added: string[];
  removed: string[];
  changed: string[];
}

export function differenceOf(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): EnvDifference {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return {
    added: names.filter((name) => !before.has(name)),
    removed: names.filter((name) => !after.has(name)),
    changed: names.filter(
      (name) => before.has(name) && after.has(name) && before.get(name) !== after.get(name),
    ),
  };
}

export function isSame({ added, removed, changed }: EnvDifference): boolean {
  return added.length + removed.length + changed.length === 0;
}

function isFor({ scope, branch }: Pick<StoredEnvValue, "scope" | "branch">, of: string): boolean {
  if (scope === "branch") return branch === of;
  return scope === "all" || of !== PRODUCTION_BRANCH;
}

function nearness({ scope }: Pick<StoredEnvValue, "scope">): number {
  return scope === "branch" ? 2 : scope === "previews" ? 1 : 0;
}
