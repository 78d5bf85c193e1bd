/**
 * Holds an environment to the schemas of the app's own (zod and others) that levain.config.ts has in `env`. They are code:
 * they are asked in a child of the build sandbox, never in the node.
 */
import { existsSync } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { issuesPerValueMax, ruleCharactersMax } from "../secrets/limits.ts";
import type { EnvProblem } from "../secrets/rules.ts";
import { valueProblem } from "../secrets/value-check.ts";
import { checkedValues, type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import type { BuildRoom } from "./build-room.ts";
import { runChild } from "./build-steps.ts";
import { checkedPrefix, schemasFile } from "./checked-values.ts";
import { configTimeoutMs } from "./limits.ts";
import { moveInto } from "./project-files.ts";

export interface SchemaCheck {
  /** With the defaults that only the schemas know. */
  environment: OpenEnvironment;
  problems: EnvProblem[];
}

/** Names whose rule is a schema of the app's own. */
export function schemaNames({ declaration }: OpenEnvironment): string[] {
  return Object.entries(declaration.rules).flatMap(([name, { type }]) =>
    type === "standard" ? [name] : [],
  );
}

/** @param file absolute path of the config, or of what `keepSchemas` has left */
export async function askSchemas(
  room: BuildRoom,
  file: string,
  environment: OpenEnvironment,
): Promise<SchemaCheck> {
  const names = schemaNames(environment);
  const values = runValues(environment);
  const checked = checkedValues(environment);
  const given = names.flatMap((name) => {
    const value = checked.get(name);
    return value === undefined ? [] : [[checkedPrefix + name, value]];
  });
  const result = await runChild(room, { task: "env", file, names }, configTimeoutMs, {
    env: Object.fromEntries(given),
  });
  if (!result.ok || result.task !== "env") {
    const why = result.ok ? "they gave no answer" : hideValues(result.message, values);
    const rule = `what its schema says, which could not be asked (${short(why)})`;
    return {
      environment,
      problems: names.map((name) => ({ name, kind: "invalid", rule })),
    };
  }
  const problems: EnvProblem[] = result.issues
    .filter(({ name }) => names.includes(name))
    .map(({ name, rules }): EnvProblem => {
      const shown = rules
        .slice(0, issuesPerValueMax)
        .map((rule) => short(hideValues(rule, values)));
      const rule = `as its schema says: ${shown.join("; ")}`;
      return { name, kind: checked.has(name) ? "invalid" : "missing", rule };
    });
  const defaults = Object.entries(result.defaults).filter(
    ([name]) => names.includes(name) && !checked.has(name),
  );
  for (const [name, value] of defaults) {
    const wrong = valueProblem(value);
    if (wrong === null) continue;
    problems.push({ name, kind: "missing", rule: `set: as the default of its schema, ${wrong}` });
  }
  const run = new Map([
    ...environment.run,
    ...defaults.map(([name, value]) => [name, { value, from: "default" }] as const),
  ]);
  return { environment: { ...environment, run }, problems };
}

/** Leaves the schemas in the artifact, so that they can be asked when it gets another environment. */
export async function keepSchemas(room: BuildRoom, file: string): Promise<void> {
  const { out, project } = room.places;
  const result = await runChild(room, { task: "schemas", file, outdir: out });
  if (result.ok && existsSync(join(out, schemasFile))) await moveInto(out, project);
}

/** Puts what an artifact has of its schemas into a new folder. @returns its path, or null when there is nothing */
export async function copySchemas(artifact: string, folder: string): Promise<string | null> {
  const kept = join(artifact, schemasFile);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (!existsSync(kept)) return null;
  const copy = join(folder, schemasFile);
  await copyFile(kept, copy);
  return copy;
}

/** A schema's own words may repeat what they were asked of. */
function hideValues(text: string, values: ReadonlyMap<string, string>): string {
  let hidden = text;
  // The longest first: one may be a part of another.
  const longestFirst = [...values.values()].sort((left, right) => right.length - left.length);
  for (const value of longestFirst) {
    if (value.length > 0) hidden = hidden.replaceAll(value, "…");
  }
  return hidden;
}

function short(text: string): string {
  return text.length <= ruleCharactersMax ? text : `${text.slice(0, ruleCharactersMax)}…`;
}
