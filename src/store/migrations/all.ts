import { apps } from "./0001-apps.ts";
import { envValues } from "./0002-env-values.ts";
import { remoteUse } from "./0003-remote-use.ts";
import { retention } from "./0004-retention.ts";
import { databases } from "./0005-databases.ts";
import { migrationRuns } from "./0006-migrations.ts";
import { verdicts } from "./0007-verdicts.ts";
import type { Migration } from "./migration.ts";

/** Every step of the schema this Levain knows, in order. */
export const migrations: readonly Migration[] = [
  apps,
  envValues,
  remoteUse,
  retention,
  databases,
  migrationRuns,
  verdicts,
];
