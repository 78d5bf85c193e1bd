/** Databases of branches as tests of the admin API need them: one, and a note of what is asked of it. */
import { PlatformError } from "../base/errors.ts";
import type { MadeDatabase } from "../database/make-database.ts";
import { databaseDefaults } from "../deploy/database-config.ts";
import type { StoredDatabase } from "../store/branch-databases.ts";
import type { DatabasesDeps } from "./databases.ts";

export function databasesForTests(happened: string[]): DatabasesDeps {
  return {
    branches: branchesForTests(happened),
    port: 4002,
    served: null,
    facts: () => null,
    locks: () => new Map(),
  };
}

/** Production of `shop` has a database; what is asked of it is noted. */
function branchesForTests(happened: string[]): DatabasesDeps["branches"] {
  const row: StoredDatabase = {
    name: "shop",
    app: "shop",
    branch: "main",
    parent: null,
    origin: "empty",
    role: "shop",
    sealed: "",
    serverDatabase: "shop_1",
    spec: databaseDefaults,
    mask: null,
    isReadOnly: false,
    isOver: false,
    bytes: 7_600_000,
    note: null,
    createdAtMs: 0,
    usedAtMs: 0,
  };
  const made: MadeDatabase = {
    ...{ origin: "data", parent: "main", bytes: 7_600_000, sessions: 2, masks: [] },
    ...{ pauseMs: 60, waitedMs: 2, copyMs: 50, finishMs: 8, totalMs: 90 },
  };
  return {
    list: (app) => (app === undefined || app === "shop" ? [row] : []),
    urlOf(app, branch) {
      if (app === "shop" && branch === "main") return "postgres://shop:secret@127.0.0.1:4002/shop";
      throw new PlatformError("DATABASE_UNKNOWN", [`of app "${app}" on ${branch}`]);
    },
    async ensure({ app, branch }) {
      happened.push(`make database of ${app} on ${branch}`);
      return { name: "shop", made: null, undo: async () => {} };
    },
    async reset(app, branch) {
      happened.push(`reset database of ${app} on ${branch}`);
      return made;
    },
    async drop(app, branch, why) {
      happened.push(`drop database of ${app} on ${branch}: ${why}`);
    },
    async remove(app, branch) {
      happened.push(`remove databases of ${app}${branch === null ? "" : ` on ${branch}`}`);
    },
    async setReadOnly(app, branch, isReadOnly) {
      happened.push(`database of ${app} on ${branch}: read only ${isReadOnly}`);
      return { ...row, isReadOnly };
    },
  };
}
