/** All that the admin API says of one version. */
import { z } from "zod";
import { packageList } from "../deploy/package-list.ts";
import { provenance } from "../deploy/provenance.ts";
import { versionInfo } from "./api-apps.ts";
import { databaseInfo } from "./api-databases.ts";
import { poolState, processInfo } from "./api-instances.ts";
import { migrationRun } from "./api-migrations.ts";
import { versionSpec } from "./route-table-schema.ts";
import { givenSandbox, sandboxMachine } from "./sandbox-schema.ts";

/** One process of a version, as `ps` has it, with what it was really given. */
const inspectedProcess = processInfo.extend({ sandbox: givenSandbox });

export const inspectQuery = z.strictObject({
  version: z.coerce.number().int().positive().optional(),
  /** Without `version`: the one that is live there. */
  branch: z.string().default("main"),
});
/** All that is known of one version. */
export const inspection = versionInfo
  .omit({ message: true, commit: true, bytes: true, runtime: true })
  .extend({
    app: z.string(),
    /** What only the store knows; null while it cannot be reached. */
    stored: versionInfo
      .pick({ message: true, commit: true, bytes: true })
      .extend({
        provenance,
        /** Migrations of branches' databases that were run for it, newest first. */
        migrationRuns: z.array(migrationRun),
        /** What was run on its branch's database since that was made, and the last of it; null: nothing. A copy has what its parent had, too. */
        migrated: z
          .object({ names: z.array(z.string()), version: z.int().nullable(), atMs: z.number() })
          .nullable(),
      })
      .nullable(),
    /** The database of its branch, as it is now; null: it asks for none, or there is none of the node's. */
    branchDatabase: databaseInfo.nullable(),
    ...versionSpec.pick({
      entry: true,
      args: true,
      assets: true,
      ephemeral: true,
      healthPath: true,
      limits: true,
      instances: true,
      idleFreezeMs: true,
      idlePageMs: true,
      idleStopMs: true,
      standby: true,
      permissions: true,
      sandbox: true,
      declares: true,
      retention: true,
      database: true,
      migrations: true,
      runtime: true,
    }).shape,
    /** Names of its own environment values, which are not shown. */
    environment: z.array(z.string()),
    machine: sandboxMachine,
    state: poolState,
    /** Why it is `failed`, else null. */
    cause: z.string().nullable(),
    /** Oldest first. */
    processes: z.array(inspectedProcess),
  });

/** The packages that a version was built with. */
export const packagesQuery = inspectQuery;
export const versionPackages = z.object({
  app: z.string(),
  version: z.int(),
  digest: z.string(),
  createdAtMs: z.number(),
  /** Null for versions of which it is not known. */
  packages: packageList.nullable(),
});

export type VersionPackages = z.infer<typeof versionPackages>;
export type Inspection = z.infer<typeof inspection>;
