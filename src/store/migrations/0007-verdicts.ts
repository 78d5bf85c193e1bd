/** Verdicts about runtimes: whether a version of Bun is fit to run production. */
import type { Migration } from "./migration.ts";

export const verdicts: Migration = {
  number: 7,
  name: "verdicts about runtimes",
  sql: `
CREATE TABLE levain.verdicts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  runtime text NOT NULL,
  at_ms bigint NOT NULL,
  given_by text NOT NULL,
  -- Cases, machine, Levain: as src/runtimes/verdict.ts has it.
  verdict jsonb NOT NULL
);
CREATE INDEX verdicts_of_runtime ON levain.verdicts (runtime, id DESC);
`,
};
