/** Applies what is in `drizzle/` and was not applied yet. Levain runs it, on a copy of the data first. */
import { migrate } from "drizzle-orm/bun-sql/migrator";
import { db } from "./db.ts";

await migrate(db, { migrationsFolder: "drizzle" });
await db.$client.close();
