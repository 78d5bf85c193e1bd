/** `levain db`: the databases of branches. */
import { usageError } from "./failure.ts";
import type { Call, Outcome, Verb } from "./verb.ts";

/** Loaded one at a time, as verbs are. */
const ACTIONS: Readonly<Record<string, (call: Call) => Promise<Outcome>>> = {
  list: async (call) => (await import("./db-actions.ts")).list(call),
  branch: async (call) => (await import("./db-actions.ts")).branch(call),
  reset: async (call) => (await import("./db-actions.ts")).reset(call),
  drop: async (call) => (await import("./db-actions.ts")).drop(call),
  url: async (call) => (await import("./db-actions.ts")).url(call),
  migrations: async (call) => (await import("./db-migrations.ts")).migrations(call),
  dump: async (call) => (await import("./db-dump.ts")).dump(call),
  restore: async (call) => (await import("./db-dump.ts")).restore(call),
  psql: async (call) => (await import("./db-psql.ts")).psql(call),
  readonly: async (call) => (await import("./db-actions.ts")).readonly(call),
  stats: async (call) => (await import("./db-stats.ts")).stats(call),
};

export const db: Verb = {
  name: "db",
  group: "Deploy",
  asksNode: true,
  summary: "List, copy, reset and use databases of branches",
  description:
    "`branch` makes the database of a branch before its first deploy, as that would. `reset` gives a branch what a new " +
    "one would get: its parent's data of now, masked. `drop` ends it; the next deploy makes it anew. Both throw away " +
    "what is in it, so the branch's name is given twice. `url` prints its address with the password; `psql` opens it " +
    "with the psql of this machine, or with a small shell of Levain's own. From another machine both take a node that " +
    "serves databases there (`levain up --database-host`), or a tunnel and `--host 127.0.0.1`. " +
    "`migrations` lists what was run on databases at deploys and promotes, and on copies of them first. " +
    "`readonly on` refuses what writes until `readonly off`. `stats` shows sessions, connections and latencies; with a " +
    "branch, all that the relay has counted. `dump` writes all of a database to one file of SQL; `restore` " +
    "puts such a file, or one of pg_dump, in the place of what the branch has, on this node or another.",
  arguments: [
    ["[action]", `${Object.keys(ACTIONS).join(", ")}`, Object.keys(ACTIONS)],
    [
      "[words...]",
      "the branch (default: main, migrations: all), then a file for dump and restore; readonly: on or off before it",
    ],
  ],
  flags: [
    ["--app <name>", "the app (default: that of this folder; list: all)"],
    ["--from-branch <name>", "branch, reset: copy from this one (default: its parent, or main)"],
    ["--from <what>", "branch, reset: data, schema or empty (default: as configured)"],
    ["--confirm <branch>", "reset, drop, restore: the branch's name once more"],
    ["--command <sql>", "psql: run this and end"],
    [
      "--host <name>",
      "url, psql: how the node's machine is called (default: as this command does)",
    ],
  ],
  examples: [
    ["levain db", "all databases"],
    ["levain db branch cart-fix --app shop", "a copy of production's for a branch"],
    ["levain db psql cart-fix", "look into it"],
    ["levain db stats", "who is connected, and how long queries take"],
    ['levain db psql --command "SELECT count(*) FROM orders"', "ask production's once"],
    ["levain db migrations", "what was run, for how long, with which locks"],
    ["levain db dump main --app shop", "to shop-main.sql.zst"],
    ["levain db restore cart-fix shop-main.sql.zst --confirm cart-fix", "what the file has"],
    ["levain db reset cart-fix --confirm cart-fix", "production's data of now"],
    ["levain db drop cart-fix --confirm cart-fix", "it is gone"],
  ],
  async run(call) {
    const [action = "list"] = call.args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw usageError(`"${action}" is none of ${Object.keys(ACTIONS).join(", ")}`);
    }
    return await act(call);
  },
};
