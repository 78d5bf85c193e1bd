/** `database` of a config file: whether the app's branches have databases, and what they ask of them. */
import { z } from "zod";
import { DATABASE_ORIGINS, type DatabaseSpec, POOLING_MODES } from "../base/database-spec.ts";
import { DATABASE_NUMBERS, number } from "./config-numbers.ts";
import { databaseExtensionsMax, sourcePathBytesMax } from "./limits.ts";

const counted = (key: keyof typeof DATABASE_NUMBERS) =>
  number(DATABASE_NUMBERS[key]).default(DATABASE_NUMBERS[key].default);

const given = z.strictObject({
  extensions: z
    .array(
      z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/, "must be names of extensions, such as pgcrypto"),
    )
    .max(databaseExtensionsMax)
    .default([]),
  from: z.enum(DATABASE_ORIGINS).default("data"),
  poolMax: counted("poolMax"),
  pooling: z.enum(POOLING_MODES).default("session"),
  readOnly: z.boolean().default(false),
  mask: z
    .string()
    .max(sourcePathBytesMax)
    .refine(isSqlFile, "must be a path inside the project that ends in .sql, such as db/mask.sql")
    .nullable()
    .default(null),
  ttlMs: counted("ttlMs"),
  bytesMax: counted("bytesMax"),
  statementTimeoutMs: counted("statementTimeoutMs"),
  transactionTimeoutMs: counted("transactionTimeoutMs"),
  slowStatementMs: counted("slowStatementMs"),
  queriesPerRequestMax: counted("queriesPerRequestMax"),
  idleReleaseMs: counted("idleReleaseMs"),
}) satisfies z.ZodType<DatabaseSpec>;

/** `true` is a database with every default; `false` and nothing are none, which is null. */
export const databaseSchema = z.preprocess((written) => {
  if (written === true) return {};
  return written === false || written === undefined ? null : written;
}, given.nullable());

/** What `database: true` stands for. */
export const databaseDefaults: DatabaseSpec = given.parse({});

/** Keys below `database`. */
export const DATABASE_KEYS: Readonly<Record<keyof DatabaseSpec, null>> = Object.fromEntries(
  Object.keys(given.shape).map((key) => [key, null]),
) as Record<keyof DatabaseSpec, null>;

function isSqlFile(path: string): boolean {
  if (!path.endsWith(".sql") || path.startsWith("/") || /[\\\0]/.test(path)) return false;
  return !path.split("/").includes("..");
}
