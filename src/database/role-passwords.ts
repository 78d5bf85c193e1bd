/**
 * Keeps the passwords of branches' roles what the node knows. A role may change its own, by a statement of the app's; the relay
 * could not log in any more then, and the app with it.
 */
import { randomBytes } from "node:crypto";
import type { OpenDatabase } from "./connections.ts";
import { scramVerifier } from "./scram-verifier.ts";
import { literal, quoted, type Server } from "./server.ts";

export class RolePasswords {
  readonly #server: Server;
  /** What PostgreSQL keeps of a password that was found to be right, by role. */
  readonly #right = new Map<string, string>();

  constructor(server: Server) {
    this.#server = server;
  }

  /**
   * Puts back what is another password now. Only on the node's own server: on others nobody but a superuser sees them.
   *
   * @returns those that were changed
   */
  async mend(databases: readonly OpenDatabase[]): Promise<OpenDatabase[]> {
    if (!this.#server.access.isOwn || databases.length === 0) return [];
    const found = await this.#server.rows<{ role: string; verifier: string | null }>(
      "SELECT rolname AS role, rolpassword AS verifier FROM pg_authid WHERE rolname = ANY ($1)",
      [databases.map(({ role }) => role)],
    );
    const verifiers = new Map(found.map(({ role, verifier }) => [role, verifier]));
    const mended: OpenDatabase[] = [];
    for (const database of databases) {
      const verifier = verifiers.get(database.role);
      if (verifier === undefined || this.#isRight(database, verifier)) continue;
      const own = literal(scramVerifier(database.password, randomBytes(16)));
      await this.#server.run(`ALTER ROLE ${quoted(database.role)} PASSWORD ${own}`);
      mended.push(database);
    }
    for (const role of this.#right.keys()) if (!verifiers.has(role)) this.#right.delete(role);
    return mended;
  }

  #isRight({ role, password }: OpenDatabase, verifier: string | null): boolean {
    if (verifier === null) return false;
    // Comparing takes milliseconds; what was right once is right as long as it is the same.
    if (this.#right.get(role) === verifier) return true;
    const salt = /^SCRAM-SHA-256\$\d+:([^$]+)\$/.exec(verifier)?.[1];
    if (salt === undefined || scramVerifier(password, Buffer.from(salt, "base64")) !== verifier) {
      return false;
    }
    this.#right.set(role, verifier);
    return true;
  }
}
