/** Drizzle over `Bun.sql`, as its first steps have it. */
import { drizzle } from "drizzle-orm/bun-sql";
import { type DrizzleDatabase, drizzleClient } from "./drizzle-client.ts";

const database = drizzle(process.env["DATABASE_URL"]!);

export default drizzleClient("Drizzle (Bun.sql)", database as unknown as DrizzleDatabase);
