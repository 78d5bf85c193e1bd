/**
 * Sealing anew: finds what was not sealed with the key in use, and puts it back as it comes. What was changed in the
 * meantime is left alone: it is sealed with the key in use already.
 */
import type { Queries } from "./database.ts";
import type { EnvPlace } from "./env-values.ts";
import { countUpRevision } from "./revision.ts";

/** A value and all that says where it belongs. */
export interface ValueToReseal extends EnvPlace {
  app: string;
  name: string;
  sealed: string;
}

/** Sealed values of a version by their part and name. */
export interface VersionToReseal {
  app: string;
  number: number;
  env: Record<string, string>;
  /** Null for a version of an earlier release. */
  environment: SealedParts | null;
}

/** Of `environment`, what is sealed. */
export interface SealedParts {
  config: Record<string, string>;
  build: Record<string, string>;
}

/** Values behind a place in their order that do not begin with `prefix`. */
export async function valuesToReseal(
  queries: Queries,
  prefix: string,
  after: ValueToReseal | null,
  limit: number,
): Promise<ValueToReseal[]> {
  return queries.rows<ValueToReseal>(
    `SELECT app, scope, branch, name, sealed FROM levain.env_values
     WHERE NOT starts_with(sealed, $1) AND (app::text, scope, branch, name) > ($2, $3, $4, $5)
     ORDER BY app::text, scope, branch, name LIMIT $6`,
    [prefix, after?.app ?? "", after?.scope ?? "", after?.branch ?? "", after?.name ?? "", limit],
  );
}

/** Versions behind one in their order of which a value does not begin with `prefix`. */
export async function versionsToReseal(
  queries: Queries,
  prefix: string,
  after: Pick<VersionToReseal, "app" | "number"> | null,
  limit: number,
): Promise<VersionToReseal[]> {
  const other = (part: string) =>
    `EXISTS (SELECT FROM jsonb_each_text(${part}) AS part WHERE NOT starts_with(part.value, $1))`;
  return queries.rows<VersionToReseal>(
    `SELECT app, number, spec -> 'env' AS env, environment FROM levain.versions
     WHERE (app::text, number) > ($2, $3) AND (${other("spec -> 'env'")}
       OR ${other("environment -> 'config'")} OR ${other("environment -> 'build'")})
     ORDER BY app::text, number LIMIT $4`,
    [prefix, after?.app ?? "", after?.number ?? 0, limit],
  );
}

/** @param values each with what was found, which it must still be, and what comes in its place */
export async function putResealed(
  queries: Queries,
  values: readonly (ValueToReseal & { resealed: string })[],
): Promise<void> {
  await queries.run(
    `UPDATE levain.env_values AS old SET sealed = given.resealed
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
       AS given (app, scope, branch, name, sealed, resealed)
     WHERE old.app = given.app AND old.scope = given.scope AND old.branch = given.branch
       AND old.name = given.name AND old.sealed = given.sealed`,
    [
      values.map(({ app }) => app),
      values.map(({ scope }) => scope),
      values.map(({ branch }) => branch),
      values.map(({ name }) => name),
      values.map(({ sealed }) => sealed),
      values.map(({ resealed }) => resealed),
    ],
  );
}

/** What a version is does not change by it: the same values in another envelope. */
export async function putResealedVersions(
  queries: Queries,
  versions: readonly VersionToReseal[],
): Promise<void> {
  await countUpRevision(queries);
  for (const { app, number, env, environment } of versions) {
    await queries.run(
      `UPDATE levain.versions SET spec = jsonb_set(spec, '{env}', $3),
         environment = CASE WHEN environment IS NULL THEN NULL ELSE environment || $4 END
       WHERE app = $1 AND number = $2`,
      [
        app,
        number,
        JSON.stringify(env),
        JSON.stringify(
          environment === null ? {} : { config: environment.config, build: environment.build },
        ),
      ],
    );
  }
}
