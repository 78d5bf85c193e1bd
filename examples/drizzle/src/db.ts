/** The branch's database: Drizzle over Bun's own client. */
import { drizzle } from "drizzle-orm/bun-sql";

export const db = drizzle(process.env["DATABASE_URL"] ?? "");
