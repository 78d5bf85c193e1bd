/** `Bun.sql` as it comes: what `DATABASE_URL` says, nothing else. */
import { sql } from "bun";
import type { RecoveryClient } from "./recovery-client.ts";

const client: RecoveryClient = {
  name: "Bun.sql",
  connectionsMax: 10,
  async ask(value, holdMs) {
    const [row] = await sql`SELECT ${value}::int AS value, pg_sleep(${holdMs / 1000}::float8)`;
    return row.value;
  },
  async bake(id) {
    await sql`INSERT INTO loaves (id) VALUES (${id}::bigint)`;
  },
  async bakeTogether(ids, holdMs) {
    await sql.begin(async (transaction) => {
      for (const id of ids) {
        await transaction`INSERT INTO loaves (id) VALUES (${id}::bigint)`;
        await transaction`SELECT pg_sleep(${holdMs / 1000}::float8)`;
      }
    });
  },
};

export default client;
