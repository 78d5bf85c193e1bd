/** What Drizzle can do over any of its drivers. */
import { type SQL, sql } from "drizzle-orm";
import { bigint, pgTable } from "drizzle-orm/pg-core";
import type { RecoveryClient } from "../../../src/qualify/sql-recovery/recovery-client.ts";

const loaves = pgTable("loaves", { id: bigint("id", { mode: "number" }) });

interface Runs {
  execute(query: SQL): PromiseLike<unknown>;
  insert(table: typeof loaves): { values(row: { id: number }): PromiseLike<unknown> };
}

/** What there is of a database in Drizzle whatever its driver. */
export interface DrizzleDatabase extends Runs {
  transaction<T>(work: (transaction: Runs) => Promise<T>): Promise<T>;
}

export function drizzleClient(name: string, database: DrizzleDatabase): RecoveryClient {
  return {
    name,
    connectionsMax: 10,
    async ask(value, holdMs) {
      const query = sql`SELECT ${value}::int AS value, pg_sleep(${holdMs / 1000}::float8)`;
      const rows = (await database.execute(query)) as { value: number }[];
      return rows[0]!.value;
    },
    async bake(id) {
      await database.insert(loaves).values({ id });
    },
    async bakeTogether(ids, holdMs) {
      await database.transaction(async (transaction) => {
        for (const id of ids) {
          await transaction.insert(loaves).values({ id });
          await transaction.execute(sql`SELECT pg_sleep(${holdMs / 1000}::float8)`);
        }
      });
    },
  };
}
