/** Runs of migrations on databases of branches: what was done, what was seen of it, and what was never ended. */
import type { Migration } from "./migration.ts";

export const migrationRuns: Migration = {
  number: 6,
  name: "runs of migrations",
  sql: `
-- No reference to apps: the first run is before the first version.
CREATE TABLE levain.migration_runs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app levain.host_part NOT NULL,
  branch levain.branch_name NOT NULL,
  reason text NOT NULL CHECK (reason IN ('deploy', 'promote')),
  stage text NOT NULL CHECK (stage IN ('trial', 'target')),
  -- interrupted: its node ended meanwhile.
  state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'interrupted')),
  -- The version it was for, once there is one.
  version integer,
  way text NOT NULL,
  source text NOT NULL,
  pending jsonb NOT NULL,
  report jsonb,
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
-- Artifacts that versions name beside their own.
CREATE INDEX versions_kit ON levain.versions ((spec #>> '{migrations,kit}'));
CREATE INDEX migration_runs_of_branch ON levain.migration_runs (app, branch, id DESC);
`,
};
