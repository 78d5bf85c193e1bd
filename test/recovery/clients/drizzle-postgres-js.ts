/** Drizzle over `postgres`, as its first steps have it. */
import { drizzle } from "drizzle-orm/postgres-js";
import { type DrizzleDatabase, drizzleClient } from "./drizzle-client.ts";

const database = drizzle(process.env["DATABASE_URL"]!);

export default drizzleClient("Drizzle (postgres)", database as unknown as DrizzleDatabase);
