/** Kysely over a pool of `pg`, as its first steps have it. */
import { Kysely, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { RecoveryClient } from "../../../src/qualify/sql-recovery/recovery-client.ts";

const pool = new pg.Pool();
// Not in Kysely's first steps, but in pg's manual: without it the process ends, as the row of `pg, no listener` shows.
pool.on("error", () => {});
const database = new Kysely<{ loaves: { id: number } }>({
  dialect: new PostgresDialect({ pool }),
});

const client: RecoveryClient = {
  name: "Kysely (pg)",
  connectionsMax: 10,
  async ask(value, holdMs) {
    const query = sql<{ value: number }>`
      SELECT ${value}::int AS value, pg_sleep(${holdMs / 1000})`;
    const { rows } = await query.execute(database);
    return rows[0]!.value;
  },
  async bake(id) {
    await database.insertInto("loaves").values({ id }).execute();
  },
  async bakeTogether(ids, holdMs) {
    await database.transaction().execute(async (transaction) => {
      for (const id of ids) {
        await transaction.insertInto("loaves").values({ id }).execute();
        await sql`SELECT pg_sleep(${holdMs / 1000})`.execute(transaction);
      }
    });
  },
};

export default client;
