/**
 * The route table as it is read from disk: it was written by this program, but maybe not by this release of it, and
 * anything may have happened to the file.
 */
import { z } from "zod";
import { databaseSpecSchema } from "../base/database-spec-schema.ts";
import { defaultPermissions, SANDBOX_LEVELS } from "../base/permissions.ts";
import { MIGRATION_WAYS } from "../base/version-migrations.ts";
import {
  nothingDeclared,
  oneInstance,
  resourceLimitsDefault,
  retentionOfNode,
  standbyBefore,
  type VersionSpec,
} from "../base/version-spec.ts";
import type { RouteTable } from "../router/route-table.ts";

const count = z.int().nonnegative();

/** A version as the table has it. */
export const versionSpec = z.object({
  app: z.string(),
  number: z.int().positive(),
  branch: z.string(),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  entry: z.string().nullable(),
  // Releases before did not write it.
  assets: z.string().nullable().default(null),
  args: z.array(z.string()).readonly().default([]),
  ephemeral: z.boolean(),
  env: z.record(z.string(), z.string()),
  healthPath: z.string(),
  limits: z.object({
    memoryBytesMax: count,
    requestTimeoutMs: count,
    streamIdleMs: count,
    concurrencyMax: count,
    queueMax: count,
    bodyBytesMax: count,
    bootTimeoutMs: count,
    // Releases before did not write it, nor the ones below.
    requestsMax: count.default(0),
    cpuCoresMax: z.number().nonnegative().default(resourceLimitsDefault.cpuCoresMax),
    processesMax: count.default(resourceLimitsDefault.processesMax),
    openFilesMax: count.default(resourceLimitsDefault.openFilesMax),
    diskBytesMax: count.default(resourceLimitsDefault.diskBytesMax),
    diskFilesMax: count.default(resourceLimitsDefault.diskFilesMax),
  }),
  // Releases before did not write it.
  instances: z.object({ min: z.int().positive(), max: z.int().positive() }).default(oneInstance),
  permissions: z
    .object({
      connect: z.array(z.string()),
      listen: z.boolean(),
      udp: z.boolean(),
      write: z.array(z.string()),
    })
    .default(defaultPermissions),
  sandbox: z.enum(SANDBOX_LEVELS).nullable().default(null),
  idleFreezeMs: count,
  idleStopMs: count,
  // Releases before did not write these.
  idlePageMs: count.default(standbyBefore.idlePageMs),
  standby: z.enum(["keep-memory", "stop-allowed"]).default(standbyBefore.standby),
  // Releases before did not write these.
  declares: z
    .object({
      schema: z.string().nullable(),
      telemetry: z.string().nullable(),
      flags: z.array(z.string()).readonly(),
    })
    .default(nothingDeclared),
  retention: z
    .object({ versionsMax: count.nullable(), daysMax: count.nullable() })
    .default(retentionOfNode),
  // Releases before did not write it.
  database: databaseSpecSchema.nullable().default(null),
  migrations: z
    .object({
      way: z.enum(MIGRATION_WAYS),
      source: z.string(),
      kit: z.string(),
      folder: z.string(),
      module: z.string().nullable(),
      inputs: z.string(),
      timeoutMs: count,
      lockMs: count,
      trial: z.boolean(),
    })
    .nullable()
    .default(null),
  // Releases before did not write it.
  runtime: z.string().nullable().default(null),
  buildFacts: z
    .object({
      bun: z.string(),
      commit: z.string().nullable(),
      gitBranch: z.string().nullable(),
      isDirty: z.boolean().nullable(),
      lockfileSha256: z.string().nullable(),
      template: z.string().nullable(),
    })
    .nullable()
    .default(null),
  createdAtMs: z.number(),
}) satisfies z.ZodType<VersionSpec>;

export const routeTableSchema = z.object({
  revision: count,
  apps: z.record(
    z.string(),
    z.object({
      branches: z.record(
        z.string(),
        z.object({ label: z.string(), live: z.int().positive().nullable() }),
      ),
      versions: z.record(z.string(), versionSpec),
      domains: z.record(z.string(), z.string()).optional(),
    }),
  ),
}) satisfies z.ZodType<RouteTable>;
