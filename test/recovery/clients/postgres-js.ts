/** `postgres` as it comes: it reads `PG*` of the environment. */
import postgres from "postgres";
import type { RecoveryClient } from "../../../src/qualify/sql-recovery/recovery-client.ts";

const sql = postgres();

const client: RecoveryClient = {
  name: "postgres",
  connectionsMax: 10,
  async ask(value, holdMs) {
    const [row] = await sql`SELECT ${value}::int AS value, pg_sleep(${holdMs / 1000})`;
    return row!["value"];
  },
  async bake(id) {
    await sql`INSERT INTO loaves (id) VALUES (${id})`;
  },
  async bakeTogether(ids, holdMs) {
    await sql.begin(async (transaction) => {
      for (const id of ids) {
        await transaction`INSERT INTO loaves (id) VALUES (${id})`;
        await transaction`SELECT pg_sleep(${holdMs / 1000})`;
      }
    });
  },
};

export default client;
