/** Versions that can be removed one by one, and the lists of packages that versions were built with. */
import type { Migration } from "./migration.ts";

export const retention: Migration = {
  number: 4,
  name: "retention and packages",
  sql: `
-- Numbers are never used again: the version that had one is still in somebody's notes.
ALTER TABLE levain.apps ADD COLUMN version_highest integer NOT NULL DEFAULT 0;
UPDATE levain.apps SET version_highest =
  (SELECT coalesce(max(number), 0) FROM levain.versions WHERE versions.app = apps.name);

-- The history of a branch names versions that are gone too. Without their rows a version that was rolled back from could
-- look like one to roll back to.
ALTER TABLE levain.live_changes DROP CONSTRAINT live_changes_app_version_fkey;

-- Named by the sha256 of the list: versions with the same packages share it.
CREATE TABLE levain.package_lists (
  sha256 text PRIMARY KEY CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  list jsonb NOT NULL
);
ALTER TABLE levain.versions ADD COLUMN packages_sha256 text REFERENCES levain.package_lists;
CREATE INDEX versions_packages ON levain.versions (packages_sha256);
`,
};
