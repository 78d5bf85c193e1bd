/** Dumps of branch databases, as their own roles. A part of the composition root. */
import { dumpDatabase } from "./backup/dump-database.ts";
import { restoreDump } from "./backup/restore-dump.ts";
import { invariant } from "./base/errors.ts";
import type { AdminDeps } from "./control/deps.ts";
import type { Databases } from "./database/databases.ts";

export function openDumps(databases: Databases): AdminDeps["dumps"] {
  return {
    dump(app, branch) {
      const { server, database, login } = databases.loginOf(app, branch);
      return dumpDatabase(server.configOf(database, login));
    },
    async restore(app, branch, source) {
      const { server } = databases.loginOf(app, branch);
      let restored: { statements: number; tables: number } | null = null;
      await databases.replace(app, branch, async (database, login) => {
        restored = await restoreDump(server.configOf(database, login), source);
      });
      invariant(restored !== null, "a database that was replaced was filled");
      return restored;
    },
  };
}
