/** What a `pg` pool can do, for the clients that have one. */
import type pg from "pg";
import type { RecoveryClient } from "../../../src/qualify/sql-recovery/recovery-client.ts";

export function pgClient(name: string, pool: pg.Pool): RecoveryClient {
  return {
    name,
    connectionsMax: 10,
    async ask(value, holdMs) {
      const text = "SELECT $1::int AS value, pg_sleep($2)";
      const { rows } = await pool.query(text, [value, holdMs / 1000]);
      return rows[0].value;
    },
    async bake(id) {
      await pool.query("INSERT INTO loaves (id) VALUES ($1)", [id]);
    },
    async bakeTogether(ids, holdMs) {
      const connection = await pool.connect();
      let failure: Error | undefined;
      try {
        await connection.query("BEGIN");
        for (const id of ids) {
          await connection.query("INSERT INTO loaves (id) VALUES ($1)", [id]);
          await connection.query("SELECT pg_sleep($1)", [holdMs / 1000]);
        }
        await connection.query("COMMIT");
      } catch (error) {
        failure = error as Error;
        await connection.query("ROLLBACK").catch(() => {});
        throw error;
      } finally {
        // With an error the pool closes it, as the manual has it for connections whose state is not known.
        connection.release(failure);
      }
    },
  };
}
