/** Logs in to the node's PostgreSQL, with no password and with a guessed one. */
import { join } from "node:path";
import { SQL } from "bun";
import { attack } from "../attack.ts";

export default attack(({ postgresSockets }) => {
  const logIn = async (password: string) => {
    const sql = new SQL({
      adapter: "postgres",
      path: join(postgresSockets, ".s.PGSQL.5432"),
      username: "levain",
      database: "levain",
      password,
      connectionTimeout: 2,
      max: 1,
    });
    try {
      await sql`SELECT 1`;
    } catch (error) {
      const { errno, code } = error as { errno?: string; code?: string };
      return `${errno ?? code}`;
    } finally {
      await sql.close({ timeout: 0 });
    }
    return "got";
  };
  return { "without a password": () => logIn(""), "with a guess": () => logIn("levain") };
});
