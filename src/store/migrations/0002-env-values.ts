/** Environment values that were set for an app, and what a version's environment was made of. All sealed. */
import type { Migration } from "./migration.ts";

export const envValues: Migration = {
  number: 2,
  name: "environment values",
  sql: `
-- No reference to apps: values are set before the first deploy too, which may need them.
CREATE TABLE levain.env_values (
  app levain.host_part NOT NULL,
  scope text NOT NULL CHECK (scope IN ('all', 'previews', 'branch')),
  branch text NOT NULL,
  name text NOT NULL CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_]*$'),
  at_build boolean NOT NULL,
  at_run boolean NOT NULL,
  sealed text NOT NULL,
  set_at_ms bigint NOT NULL,
  set_by text,
  PRIMARY KEY (app, scope, branch, name),
  CHECK (at_build OR at_run),
  CHECK ((scope = 'branch') = (branch <> ''))
);

-- What levain.config.ts declares, its own values and those of the build; null before this release.
ALTER TABLE levain.versions ADD COLUMN environment jsonb;
`,
};
