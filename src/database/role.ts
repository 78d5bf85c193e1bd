/** Roles of branches: one each, with a password of its own, and rights on nothing but its own database. */
import { randomBytes } from "node:crypto";
import { databasePasswordBytes, databaseSuffixBytes } from "./limits.ts";
import { scramVerifier } from "./scram-verifier.ts";
import { type Login, literal, quoted, type Server, stateOf } from "./server.ts";

/** 256 random bits as text that needs no escape in a URL. */
export function newPassword(): string {
  return randomBytes(databasePasswordBytes).toString("base64url");
}

/** Makes a name unique. Hex digits. */
export function newSuffix(): string {
  return randomBytes(databaseSuffixBytes).toString("hex");
}

export async function roleExists(server: Server, role: string): Promise<boolean> {
  const rows = await server.rows("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  return rows.length > 0;
}

/** @throws what the server has against it */
export async function createRole(server: Server, role: string, password: string): Promise<void> {
  const verifier = literal(scramVerifier(password, randomBytes(16)));
  await server.within(null, async ({ run, rows }) => {
    await run(`CREATE ROLE ${quoted(role)} LOGIN PASSWORD ${verifier}`);
    if (server.access.isOwn) return;
    // Who is no superuser hands things over to a role only as one of its members.
    const [found] = await rows<{ number: number }>(
      "SELECT current_setting('server_version_num')::int AS number",
    );
    const options = (found?.number ?? 0) >= 160_000 ? " WITH INHERIT TRUE, SET TRUE" : "";
    await run(`GRANT ${quoted(role)} TO CURRENT_USER${options}`);
  });
}

/** Gives a role back its own password: whoever is logged in as it can change it, and nobody could log in again. */
export async function renewPassword(server: Server, { user, password }: Login): Promise<void> {
  const verifier = literal(scramVerifier(password, randomBytes(16)));
  await server.run(`ALTER ROLE ${quoted(user)} LOGIN PASSWORD ${verifier} VALID UNTIL 'infinity'`);
}

/** @returns false when something in a database that stays still names it; it cannot log in then */
export async function dropRole(server: Server, role: string): Promise<boolean> {
  try {
    await server.run(`DROP ROLE IF EXISTS ${quoted(role)}`);
    return true;
  } catch (error) {
    // 2BP01: a copy that was made of its database may have granted it something.
    if (stateOf(error) !== "2BP01") throw error;
    await server.run(`ALTER ROLE ${quoted(role)} NOLOGIN PASSWORD NULL`);
    return false;
  }
}
