/**
 * Extensions of PostgreSQL that an app asks for. Those that PostgreSQL trusts its users with are made by the branch's own
 * role; some others are safe enough for the node to make them: they reach neither files nor other servers, nor other
 * databases. Whatever is not in one of the two is refused, with the reason.
 */
import { PlatformError } from "../base/errors.ts";
import { type Login, quoted, type Server } from "./server.ts";

/** Not trusted by PostgreSQL, since they bring index methods, types or triggers in C, and made by the node. */
const MADE_BY_NODE: readonly string[] = [
  "autoinc",
  "bloom",
  "dict_xsyn",
  "earthdistance",
  "insert_username",
  "intagg",
  "moddatetime",
  "refint",
];

/** Why an extension that the server has is not made. */
const REFUSED: Readonly<Record<string, string>> = {
  dblink: "it connects to other databases as the server's own user",
  postgres_fdw: "it connects to other databases as the server's own user",
  file_fdw: "it reads files of the server",
  xml2: "it can read files of the server; PostgreSQL's own xml functions need no extension",
  pg_stat_statements: "it has to be loaded with the server; `levain db stats` shows what is slow",
};

interface Available {
  name: string;
  trusted: boolean;
  isThere: boolean;
}

/**
 * Makes those that are not there.
 *
 * @returns names of those it made
 * @throws {PlatformError} `DATABASE_EXTENSION_MISSING` naming all that cannot be made, before any is
 */
export async function ensureExtensions(
  server: Server,
  database: string,
  login: Login,
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0) return [];
  const available = await server.within(database, ({ rows }) =>
    rows<Available>(
      `SELECT name, trusted, extname IS NOT NULL AS "isThere"
       FROM pg_available_extensions JOIN pg_available_extension_versions USING (name)
       LEFT JOIN pg_extension ON extname = name
       WHERE version = default_version AND name = ANY($1)`,
      [names],
    ),
  );
  const problems = names.flatMap((name) => {
    const why = problemOf(name, available, server.access.isOwn);
    return why === null ? [] : [{ name, why }];
  });
  if (problems.length > 0) {
    const [first, ...others] = problems.map(({ name, why }) => [`"${name}"`, why] as const);
    const what = [first?.[1], ...others.map(([name, why]) => `${name}: ${why}`)].join("; ");
    throw new PlatformError("DATABASE_EXTENSION_MISSING", [first?.[0] ?? "", what], {
      detail: { problems },
    });
  }
  const missing = names.filter(
    (name) => !available.some((row) => row.name === name && row.isThere),
  );
  for (const name of missing) {
    const isTrusted = available.some((row) => row.name === name && row.trusted);
    const as = isTrusted ? { login } : {};
    await server
      .within(
        database,
        // One that needs another brings it.
        ({ run }) => run(`CREATE EXTENSION IF NOT EXISTS ${quoted(name)} SCHEMA public CASCADE`),
        as,
      )
      .catch((error: unknown) => {
        const what = error instanceof Error ? error.message : String(error);
        throw new PlatformError("DATABASE_EXTENSION_MISSING", [`"${name}"`, what], {
          cause: error,
        });
      });
  }
  return missing;
}

/** Why an extension cannot be made, or null. Pure. */
export function problemOf(
  name: string,
  available: readonly Available[],
  isOwn: boolean,
): string | null {
  const found = available.find((row) => row.name === name);
  if (found === undefined) {
    return isOwn
      ? "the PostgreSQL that comes with Levain does not have it; a server of your own (databaseUrl) may"
      : "the server does not have it; its operator can install it";
  }
  if (found.isThere || found.trusted) return null;
  const refused = REFUSED[name];
  if (refused !== undefined) return refused;
  if (!isOwn) return "only a superuser of the server can make it; let its operator do it once";
  return MADE_BY_NODE.includes(name) ? null : "it is for those who run the server";
}
