/** The environment that a deploy is for: what is set for its branch now, checked as far as it can be before the build. */

import type { DatabaseSpec } from "../base/database-spec.ts";
import { didYouMean } from "../base/did-you-mean.ts";
import { PlatformError } from "../base/errors.ts";
import { databaseEnvironment } from "../database/connections.ts";
import { assertFits } from "../secrets/environments.ts";
import { type EnvProblem, problemsOf } from "../secrets/rules.ts";
import { checkedValues, type OpenEnvironment, runValues } from "../secrets/version-environment.ts";
import type { DeployerOptions, Job } from "./deploy-job.ts";

/**
 * @throws {PlatformError} `ENVIRONMENT_INVALID`, `ENVIRONMENT_UNREADABLE`, `ENV_TOO_LARGE`
 */
export async function openEnvironment(
  { environments }: Pick<DeployerOptions, "environments">,
  { app, branch, facts }: Pick<Job, "app" | "branch" | "facts">,
): Promise<OpenEnvironment> {
  const resolved = await environments.resolve(app, branch, facts.config.env);
  const environment = withProvided(resolved, facts.config.database);
  refuseInvalid(app, branch, environment);
  return environment;
}

/** With what a database brings: its address does not exist yet, and is nobody's to see. */
export function withProvided(
  environment: OpenEnvironment,
  database: DatabaseSpec | null,
): OpenEnvironment {
  if (database === null) return environment;
  const shape = databaseEnvironment({ name: "name", role: "role", password: "password" }, 5432);
  return { ...environment, provided: new Map(Object.entries(shape)) };
}

/**
 * @throws {PlatformError} `ENVIRONMENT_INVALID` naming all that is missing or not as its rule says; `ENV_TOO_LARGE`, since
 *   defaults that only the app's own schemas know come last
 */
export function refuseInvalid(
  app: string,
  branch: string,
  environment: OpenEnvironment,
  others: readonly EnvProblem[] = [],
): void {
  const values = runValues(environment);
  const problems = [...problemsOf(environment.declaration, checkedValues(environment)), ...others];
  if (problems.length === 0) return assertFits(app, branch, values);
  const undeclared = undeclaredNames(environment);
  const lines = problems.map((problem) => describeProblem(problem, undeclared));
  const [first = ""] = lines;
  const what =
    lines.length === 1
      ? first
      : `${lines.length} environment values are not usable: ${problems.map(({ name }) => name).join(", ")}`;
  throw new PlatformError("ENVIRONMENT_INVALID", [app, branch, what], {
    detail: { problems: lines },
  });
}

/** What is worth saying about an environment that is valid. */
export function environmentWarnings(environment: OpenEnvironment): string[] {
  const { declaration, run } = environment;
  const names = Object.keys(declaration.rules);
  const undeclared = undeclaredNames(environment).map((name) => {
    const near = didYouMean(name, names);
    const meant = near === null ? "" : `; did you mean ${near}?`;
    return `environment value ${name} is set, and levain.config.ts does not declare it${meant}`;
  });
  const overridden = Object.keys(declaration.values)
    .filter((name) => run.get(name)?.from !== "config")
    .map((name) => `environment value ${name} of levain.config.ts is overridden by what is set`);
  const own = environment.provided?.has("DATABASE_URL") && run.has("DATABASE_URL");
  const database = own
    ? [
        "DATABASE_URL is set, so the app gets that and not the database of its branch; `levain env unset DATABASE_URL` changes it",
      ]
    : [];
  return [...undeclared, ...overridden, ...database];
}

/** `DATABASE_URL is missing: it must be a URL (STRIPE_KY is set: is it meant?)` */
function describeProblem({ name, kind, rule }: EnvProblem, undeclared: readonly string[]): string {
  if (kind === "invalid") return `${name} is set, but it must be ${rule}`;
  const near = didYouMean(name, undeclared);
  const meant = near === null ? "" : `; ${near} is set, is that what was meant?`;
  return `${name} is missing; it must be ${rule}${meant}`;
}

/** Without rules, nothing has to be declared. Sorted. */
function undeclaredNames({ declaration, run }: OpenEnvironment): string[] {
  const { rules, values } = declaration;
  if (Object.keys(rules).length === 0) return [];
  return [...run.keys()].filter((name) => !(name in rules) && !(name in values)).sort();
}
