/**
 * The admin API as data: every endpoint with the schema of what it takes and gives. The server validates with it, the
 * CLI types itself with it, and the JSON Schemas in `docs/schemas/` are made from it.
 *
 * Served on the admin unix socket and on 127.0.0.1 at the admin port; never on the edge port. JSON in and out, except:
 * `deploy` takes a gzipped tar as its body and answers a stream of `DeployEvent` lines; `logs` answers a stream of
 * `LogRecord` lines, `backup` one of `BackupEvent` lines; `metrics` answers Prometheus' text format. A stream may contain empty lines, which only show that it is alive. Errors are
 * `{ error: ErrorBody }` with the catalogue's status.
 */
import { z } from "zod";
import { deployEvent, deployQuery } from "../deploy/deploy-api.ts";
import {
  appInfo,
  promoteInput,
  promotePlan,
  promotePlanInput,
  promotion,
  removed,
  removeQuery,
  rollbackInput,
  rolledBack,
  versionInfo,
} from "./api-apps.ts";
import {
  backupEvent,
  backupInput,
  backupList,
  databaseRestored,
  dumpQuery,
  dumpRestoreQuery,
} from "./api-backup.ts";
import { collected, collectInput, exportQuery } from "./api-collect.ts";
import {
  databaseChanged,
  databaseDropQuery,
  databaseInfo,
  databaseMakeInput,
  databaseReadOnlyInput,
  databaseResetInput,
  databasesQuery,
  databaseUrl,
  databaseUrlQuery,
} from "./api-databases.ts";
import {
  domainAdded,
  domainAddInput,
  domainInfo,
  domainRemoveQuery,
  domainsQuery,
} from "./api-domains.ts";

import {
  envApplyInput,
  envChange,
  envChangeInput,
  envDiff,
  envDiffInput,
  envList,
  envQuery,
  keyRotation,
  rebound,
} from "./api-env.ts";

import { inspection, inspectQuery, packagesQuery, versionPackages } from "./api-inspection.ts";
import { instanceInfo } from "./api-instances.ts";
import { logRecord, logsQuery } from "./api-logs.ts";
import { migrationsOutput, migrationsQuery } from "./api-migrations.ts";
import { memoryStatus, nodeStatus } from "./api-node.ts";
import {
  auditEntry,
  auditQuery,
  tokenCreated,
  tokenCreateInput,
  tokenInfo,
  tokenRevokeInput,
  whoami,
} from "./api-tokens.ts";
import { verdictAddInput, verdictInfo, verdictsQuery } from "./api-verdicts.ts";
import { ENDPOINT_PATHS, type EndpointName } from "./endpoints.ts";

export {
  type DeployEvent,
  type DeployQuery,
  type DeployResult,
  deployEvent,
  deployQuery,
  deployResult,
} from "../deploy/deploy-api.ts";
export * from "./api-apps.ts";
export * from "./api-backup.ts";
export * from "./api-collect.ts";
export * from "./api-databases.ts";
export * from "./api-domains.ts";
export * from "./api-env.ts";
export * from "./api-errors.ts";
export * from "./api-inspection.ts";
export * from "./api-instances.ts";
export * from "./api-logs.ts";
export * from "./api-migrations.ts";
export * from "./api-node.ts";
export * from "./api-tokens.ts";
export * from "./api-verdicts.ts";

/** The index at `GET /`. */
export const adminIndex = z.object({
  name: z.literal("levain"),
  version: z.string(),
  docs: z.string(),
  endpoints: z.array(z.object({ name: z.string(), method: z.string(), path: z.string() })),
});

/** Shapes of each endpoint, by its name; method and path are in `endpoints.ts`. */
export const ENDPOINTS = {
  status: { ...ENDPOINT_PATHS.status, output: nodeStatus },
  apps: { ...ENDPOINT_PATHS.apps, output: z.object({ apps: z.array(appInfo) }) },
  versions: {
    ...ENDPOINT_PATHS.versions,
    output: z.object({ app: z.string(), versions: z.array(versionInfo) }),
  },
  deploy: { ...ENDPOINT_PATHS.deploy, query: deployQuery, stream: deployEvent },
  promote: { ...ENDPOINT_PATHS.promote, input: promoteInput, output: promotion },
  promotePlan: { ...ENDPOINT_PATHS.promotePlan, input: promotePlanInput, output: promotePlan },
  rollback: { ...ENDPOINT_PATHS.rollback, input: rollbackInput, output: rolledBack },
  remove: { ...ENDPOINT_PATHS.remove, query: removeQuery, output: removed },
  env: { ...ENDPOINT_PATHS.env, query: envQuery, output: envList },
  envChange: { ...ENDPOINT_PATHS.envChange, input: envChangeInput, output: envChange },
  envDiff: { ...ENDPOINT_PATHS.envDiff, input: envDiffInput, output: envDiff },
  envApply: { ...ENDPOINT_PATHS.envApply, input: envApplyInput, output: rebound },
  keyRotate: { ...ENDPOINT_PATHS.keyRotate, output: keyRotation },
  inspect: { ...ENDPOINT_PATHS.inspect, query: inspectQuery, output: inspection },
  packages: { ...ENDPOINT_PATHS.packages, query: packagesQuery, output: versionPackages },
  gc: { ...ENDPOINT_PATHS.gc, input: collectInput, output: collected },
  backup: { ...ENDPOINT_PATHS.backup, input: backupInput, stream: backupEvent },
  backups: { ...ENDPOINT_PATHS.backups, output: backupList },
  databaseDump: { ...ENDPOINT_PATHS.databaseDump, query: dumpQuery },
  databaseRestore: {
    ...ENDPOINT_PATHS.databaseRestore,
    query: dumpRestoreQuery,
    output: databaseRestored,
  },
  export: { ...ENDPOINT_PATHS.export, query: exportQuery },
  ps: {
    ...ENDPOINT_PATHS.ps,
    output: z.object({
      instances: z.array(instanceInfo),
      /** How many may run at once. */
      instancesMax: z.int(),
      memory: memoryStatus.pick({ budgetBytes: true, usedBytes: true, level: true }),
    }),
  },
  migrations: { ...ENDPOINT_PATHS.migrations, query: migrationsQuery, output: migrationsOutput },
  logs: { ...ENDPOINT_PATHS.logs, query: logsQuery, stream: logRecord },
  metrics: { ...ENDPOINT_PATHS.metrics },
  domains: {
    ...ENDPOINT_PATHS.domains,
    query: domainsQuery,
    output: z.object({ domains: z.array(domainInfo) }),
  },
  domainAdd: { ...ENDPOINT_PATHS.domainAdd, input: domainAddInput, output: domainAdded },
  domainRemove: {
    ...ENDPOINT_PATHS.domainRemove,
    query: domainRemoveQuery,
    output: z.object({ app: z.string(), host: z.string() }),
  },
  databases: {
    ...ENDPOINT_PATHS.databases,
    query: databasesQuery,
    output: z.object({ databases: z.array(databaseInfo) }),
  },
  databaseMake: {
    ...ENDPOINT_PATHS.databaseMake,
    input: databaseMakeInput,
    output: databaseChanged,
  },
  databaseReset: {
    ...ENDPOINT_PATHS.databaseReset,
    input: databaseResetInput,
    output: databaseChanged,
  },
  databaseReadOnly: {
    ...ENDPOINT_PATHS.databaseReadOnly,
    input: databaseReadOnlyInput,
    output: databaseChanged,
  },
  databaseUrl: { ...ENDPOINT_PATHS.databaseUrl, query: databaseUrlQuery, output: databaseUrl },
  databaseDrop: {
    ...ENDPOINT_PATHS.databaseDrop,
    query: databaseDropQuery,
    output: z.object({ app: z.string(), branch: z.string() }),
  },
  whoami: { ...ENDPOINT_PATHS.whoami, output: whoami },
  tokens: { ...ENDPOINT_PATHS.tokens, output: z.object({ tokens: z.array(tokenInfo) }) },
  tokenCreate: { ...ENDPOINT_PATHS.tokenCreate, input: tokenCreateInput, output: tokenCreated },
  tokenRevoke: { ...ENDPOINT_PATHS.tokenRevoke, input: tokenRevokeInput, output: tokenInfo },
  verdicts: {
    ...ENDPOINT_PATHS.verdicts,
    query: verdictsQuery,
    output: z.object({ verdicts: z.array(verdictInfo) }),
  },
  verdictAdd: {
    ...ENDPOINT_PATHS.verdictAdd,
    input: verdictAddInput,
    /** Runtimes whose verdicts are kept now. */
    output: z.object({ kept: z.array(z.string()) }),
  },
  audit: {
    ...ENDPOINT_PATHS.audit,
    query: auditQuery,
    output: z.object({ entries: z.array(auditEntry) }),
  },
  down: { ...ENDPOINT_PATHS.down, output: z.object({ pid: z.int() }) },
} as const;

type Endpoints = typeof ENDPOINTS;
/** What an endpoint answers with, as JSON. */
export type OutputOf<Name extends EndpointName> = Endpoints[Name] extends {
  output: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : never;
/** What an endpoint takes as its JSON body; `undefined` when it takes none. */
export type InputOf<Name extends EndpointName> = Endpoints[Name] extends {
  input: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
/** What an endpoint takes in its query string; `undefined` when it takes nothing. */
export type QueryOf<Name extends EndpointName> = Endpoints[Name] extends {
  query: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
/** One line of what a streaming endpoint answers. */
export type LineOf<Name extends EndpointName> = Endpoints[Name] extends {
  stream: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : never;
