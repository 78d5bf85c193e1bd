/** Databases of branches, and what was made on the server for one that does not have it yet, or any more. */
import type { Migration } from "./migration.ts";

export const databases: Migration = {
  number: 5,
  name: "databases of branches",
  sql: `
-- No reference to apps: a branch's database is there before its first version, which may need it to answer.
CREATE TABLE levain.databases (
  -- As its clients know it: the host label of the branch.
  name text PRIMARY KEY CHECK (char_length(name) <= 63 AND name ~ '^[a-z0-9]+(-{1,2}[a-z0-9]+)*$'),
  app levain.host_part NOT NULL,
  branch levain.branch_name NOT NULL,
  -- Branch that it was copied from.
  parent text,
  origin text NOT NULL CHECK (origin IN ('data', 'schema', 'empty')),
  role text NOT NULL UNIQUE CHECK (octet_length(role) <= 63),
  sealed text NOT NULL,
  -- Null: it was dropped, and the next deploy makes it anew.
  server_database text UNIQUE CHECK (octet_length(server_database) <= 63),
  spec jsonb NOT NULL,
  mask text,
  is_read_only boolean NOT NULL DEFAULT false,
  is_over boolean NOT NULL DEFAULT false,
  bytes bigint,
  note text,
  created_at_ms bigint NOT NULL,
  used_at_ms bigint NOT NULL,
  UNIQUE (app, branch)
);

-- Written before something is made, and taken away when a database has it: what is in here and not locked by whoever makes
-- it was left by a node that ended in the middle.
CREATE TABLE levain.server_leftovers (
  kind text NOT NULL CHECK (kind IN ('database', 'role')),
  name text NOT NULL,
  at_ms bigint NOT NULL,
  PRIMARY KEY (kind, name)
);
`,
};
