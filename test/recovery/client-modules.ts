/** The client libraries of the matrix: modules with a `RecoveryClient` as their default export. */
import { join } from "node:path";

export interface ClientModule {
  name: string;
  /** Absolute path. */
  path: string;
}

const here = (file: string) => join(import.meta.dir, "clients", file);

export const CLIENTS: readonly ClientModule[] = [
  {
    name: "Bun.sql",
    path: join(import.meta.dir, "../../src/qualify/sql-recovery/bun-sql-client.ts"),
  },
  { name: "postgres", path: here("postgres-js.ts") },
  { name: "pg", path: here("pg-pool.ts") },
  { name: "pg, no listener", path: here("pg-pool-unheard.ts") },
  { name: "Drizzle (Bun.sql)", path: here("drizzle-bun-sql.ts") },
  { name: "Drizzle (postgres)", path: here("drizzle-postgres-js.ts") },
  { name: "Kysely (pg)", path: here("kysely.ts") },
];
