/** The first schema: apps, branches, versions, what is live and was, and deploys. */
import type { Migration } from "./migration.ts";

export const apps: Migration = {
  number: 1,
  name: "apps, versions, live and deploys",
  sql: `
-- One row. Every transaction that changes what is published counts it up first, which also makes such transactions
-- wait for each other: none of them can see half of another one, and none can lock the others out in a circle.
CREATE TABLE levain.route_revision (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  revision bigint NOT NULL
);
INSERT INTO levain.route_revision (revision) VALUES (0);

-- Names that become parts of host names: letters, digits and single dashes, and nothing that reads as a version.
CREATE DOMAIN levain.host_part AS text
  CHECK (char_length(VALUE) <= 63 AND VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND VALUE !~ '^v[0-9]+$');

CREATE DOMAIN levain.branch_name AS text
  CHECK (char_length(VALUE) BETWEEN 1 AND 255 AND VALUE !~ '[[:cntrl:][:space:]]');

CREATE TABLE levain.apps (
  name levain.host_part PRIMARY KEY,
  created_at_ms bigint NOT NULL
);

CREATE TABLE levain.artifacts (
  digest text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
  bytes bigint NOT NULL CHECK (bytes >= 0),
  created_at_ms bigint NOT NULL
);

-- The columns are what the store asks for; spec is the whole of what was frozen, as the pool gets it.
CREATE TABLE levain.versions (
  app levain.host_part NOT NULL REFERENCES levain.apps ON DELETE CASCADE,
  number integer NOT NULL CHECK (number >= 1),
  branch levain.branch_name NOT NULL,
  digest text NOT NULL REFERENCES levain.artifacts,
  spec jsonb NOT NULL,
  message text,
  commit text,
  provenance jsonb NOT NULL,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (app, number),
  CHECK (
    spec ->> 'app' = app AND (spec ->> 'number')::integer = number
    AND spec ->> 'branch' = branch AND spec ->> 'digest' = digest
  )
);
CREATE INDEX versions_digest ON levain.versions (digest);

CREATE TABLE levain.branches (
  app levain.host_part NOT NULL REFERENCES levain.apps ON DELETE CASCADE,
  name levain.branch_name NOT NULL,
  label levain.host_part NOT NULL,
  live integer,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (app, name),
  UNIQUE (app, label),
  FOREIGN KEY (app, live) REFERENCES levain.versions
);

-- What was live, oldest first by id. Rolling back reads it.
CREATE TABLE levain.live_changes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app levain.host_part NOT NULL,
  branch levain.branch_name NOT NULL,
  version integer NOT NULL,
  previous integer,
  reason text NOT NULL CHECK (reason IN ('deploy', 'promote', 'rollback')),
  at_ms bigint NOT NULL,
  CHECK (previous IS DISTINCT FROM version),
  FOREIGN KEY (app, branch) REFERENCES levain.branches ON DELETE CASCADE,
  FOREIGN KEY (app, version) REFERENCES levain.versions ON DELETE CASCADE
);
CREATE INDEX live_changes_branch ON levain.live_changes (app, branch, id);

-- No reference to apps: the first deploy of an app can fail, and then there is none.
CREATE TABLE levain.deploys (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app levain.host_part NOT NULL,
  branch levain.branch_name NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'interrupted')),
  version integer,
  error jsonb,
  message text,
  commit text,
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CHECK ((state = 'running') = (ended_at_ms IS NULL)),
  CHECK ((state = 'succeeded') = (version IS NOT NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL))
);
CREATE INDEX deploys_app ON levain.deploys (app, id);
CREATE INDEX deploys_running ON levain.deploys (id) WHERE state = 'running';
`,
};
