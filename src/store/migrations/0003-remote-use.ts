/** What use of a node from elsewhere needs: tokens, the audit log, and domains of the users' own. */
import type { Migration } from "./migration.ts";

export const remoteUse: Migration = {
  number: 3,
  name: "tokens, audit log and domains",
  sql: `
-- The token itself is nowhere: whoever reads this table can use none of them.
CREATE TABLE levain.tokens (
  id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{10}$'),
  name text NOT NULL UNIQUE CHECK (char_length(name) BETWEEN 1 AND 64),
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{64}$'),
  role text NOT NULL CHECK (role IN ('read', 'deploy', 'admin')),
  -- Null: every app, and the node itself.
  apps text[] CHECK (cardinality(apps) >= 1),
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint,
  -- Coarse; see the code that writes it.
  used_at_ms bigint
);

-- No reference to apps or tokens: what was done stays known when they are gone.
CREATE TABLE levain.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at_ms bigint NOT NULL,
  actor text NOT NULL,
  actor_name text NOT NULL,
  action text NOT NULL,
  app text,
  address text NOT NULL,
  result text NOT NULL,
  detail jsonb NOT NULL
);
CREATE INDEX audit_app ON levain.audit (app, id);

CREATE FUNCTION levain.audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only';
END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR TRUNCATE ON levain.audit
  FOR EACH STATEMENT EXECUTE FUNCTION levain.audit_is_kept();

-- Several apps may ask for one host; one of them has it, who proved first that it is theirs.
CREATE TABLE levain.domains (
  host text NOT NULL CHECK (host = lower(host) AND char_length(host) <= 253),
  app levain.host_part NOT NULL,
  branch levain.branch_name NOT NULL,
  challenge text NOT NULL,
  created_at_ms bigint NOT NULL,
  verified_at_ms bigint,
  PRIMARY KEY (host, app),
  FOREIGN KEY (app, branch) REFERENCES levain.branches ON DELETE CASCADE
);
CREATE UNIQUE INDEX domains_verified ON levain.domains (host) WHERE verified_at_ms IS NOT NULL;
CREATE INDEX domains_app ON levain.domains (app, host);
`,
};
