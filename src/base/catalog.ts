/**
 * Every error a person can meet. A code is permanent. A message says the action, the state with its number, and no
 * blame; the remedy is what to do next. The rows stand in the `*-errors.ts` beside this file;
 * `docs/errors.md` is made from them.
 */

import { assetErrors } from "./asset-errors.ts";
import { backupErrors } from "./backup-errors.ts";
import { brokerErrors } from "./broker-errors.ts";
import { controlErrors } from "./control-errors.ts";
import { databaseErrors } from "./database-errors.ts";
import { deployErrors } from "./deploy-errors.ts";
import { environmentErrors } from "./environment-errors.ts";
import type { ErrorRow } from "./error-row.ts";
import { migrationErrors } from "./migration-errors.ts";
import { nodeErrors } from "./node-errors.ts";
import { remoteErrors } from "./remote-errors.ts";
import { requestErrors } from "./request-errors.ts";
import { runtimeErrors } from "./runtime-errors.ts";
import { sandboxErrors } from "./sandbox-errors.ts";
import { versionErrors } from "./version-errors.ts";

export type { ErrorRow };

/** The rows, by the heading under which the docs have them. */
export const CATALOG_BY_GROUP = {
  Requests: requestErrors,
  Assets: assetErrors,
  Deploy: deployErrors,
  Migrations: migrationErrors,
  Environment: environmentErrors,
  Databases: databaseErrors,
  Sandbox: sandboxErrors,
  Control: controlErrors,
  Versions: versionErrors,
  Runtimes: runtimeErrors,
  Remote: remoteErrors,
  Backups: backupErrors,
  Broker: brokerErrors,
  Node: nodeErrors,
} as const;

export const CATALOG = {
  ...requestErrors,
  ...assetErrors,
  ...deployErrors,
  ...migrationErrors,
  ...environmentErrors,
  ...databaseErrors,
  ...sandboxErrors,
  ...controlErrors,
  ...versionErrors,
  ...runtimeErrors,
  ...remoteErrors,
  ...backupErrors,
  ...brokerErrors,
  ...nodeErrors,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof CATALOG;
