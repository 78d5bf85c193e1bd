/**
 * A copy without its rows, as its own role: every table emptied, sequences as at their beginning, materialized views made
 * anew, large objects gone. What migration tools remember of what they did stays, or they would do it again.
 */
import { databaseCopyMs } from "./limits.ts";
import { forgetSamples } from "./mask.ts";
import { type Login, quoted, type Server, type ServerSession } from "./server.ts";

/** Tables that migration tools keep their place in, whatever their schema. */
const KEPT: readonly string[] = [
  "__drizzle_migrations",
  "__levain_migrations",
  "_levain_migrations",
  "levain_migrations",
  "_prisma_migrations",
  "knex_migrations",
  "knex_migrations_lock",
  "kysely_migration",
  "kysely_migration_lock",
  "mikro_orm_migrations",
  "pgmigrations",
  "SequelizeMeta",
  "schema_migrations",
  "schema_version",
  "ar_internal_metadata",
  "flyway_schema_history",
  "goose_db_version",
  "_sqlx_migrations",
  "alembic_version",
  "atlas_schema_revisions",
];

interface Relation {
  schema: string;
  name: string;
  kind: "table" | "sequence" | "view";
}

export async function emptyTables(server: Server, database: string, login: Login): Promise<void> {
  await server.within(
    database,
    async (session) => {
      await session.run("BEGIN");
      await empty(session);
      await session.run("COMMIT");
    },
    { login, statementMs: databaseCopyMs },
  );
  await server.within(database, forgetSamples, { login, statementMs: databaseCopyMs });
}

async function empty({ rows, run }: ServerSession): Promise<void> {
  // Partitions go with what they are part of, what an extension has brought is its own affair, and a sequence of a table
  // that is kept goes on where it was.
  const relations = await rows<Relation>(
    `SELECT nspname AS schema, relname AS name,
       CASE relkind WHEN 'S' THEN 'sequence' WHEN 'm' THEN 'view' ELSE 'table' END AS kind
     FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'S', 'm') AND NOT relispartition
       AND pg_get_userbyid(relowner) = current_user
       AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
         AND deptype = 'e')
       AND relname <> ALL ($1)
       AND NOT EXISTS (SELECT FROM pg_depend JOIN pg_class AS owner ON owner.oid = refobjid
         WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid
           AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND owner.relname = ANY ($1))
     ORDER BY pg_class.oid`,
    [KEPT],
  );
  const named = (kind: Relation["kind"]) =>
    relations
      .filter((relation) => relation.kind === kind)
      .map(({ schema, name }) => `${quoted(schema)}.${quoted(name)}`);
  const tables = named("table");
  // One statement: tables name each other.
  if (tables.length > 0) await run(`TRUNCATE ${tables.join(", ")} RESTART IDENTITY`);
  for (const sequence of named("sequence")) await run(`ALTER SEQUENCE ${sequence} RESTART`);
  // One may be made of another, which is older.
  for (const view of named("view")) await run(`REFRESH MATERIALIZED VIEW ${view}`);
  await run(
    `SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE pg_get_userbyid(lomowner) = current_user`,
  );
}
