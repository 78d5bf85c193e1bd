/** The environment of an app under `levain dev`: as after a deploy, with `.env` files in the place of what is set on a node. */
import { PRODUCTION_BRANCH } from "../base/production-branch.ts";
import { environmentWarnings, refuseInvalid } from "../deploy/open-environment.ts";
import { resolveRun } from "../secrets/resolve.ts";
import type { EnvDeclaration } from "../secrets/rules.ts";

export interface DevEnvironment {
  /** What the app gets. */
  values: Record<string, string>;
  /** What is worth saying about it. */
  warnings: string[];
}

/**
 * Pure.
 *
 * @param set values of `.env` files
 * @throws {PlatformError} `ENVIRONMENT_INVALID` naming all that is missing or not as its rule says
 */
export function devEnvironment(
  app: string,
  declaration: EnvDeclaration,
  set: Readonly<Record<string, string>>,
): DevEnvironment {
  const given = Object.entries(set).map(
    ([name, value]) => [name, { value, from: "branch" as const }] as const,
  );
  const run = resolveRun(declaration, new Map(given));
  const environment = { declaration, run, build: new Map<string, string>() };
  refuseInvalid(app, PRODUCTION_BRANCH, environment);
  const values = Object.fromEntries([...run].map(([name, { value }]) => [name, value]));
  return { values, warnings: environmentWarnings(environment) };
}
