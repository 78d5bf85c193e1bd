/**
 * The step of a deploy or a promote that sees to the branch's database: there before anything of the version is started, and
 * as the version asks for it. What it made goes again when the version does not make it.
 */
import type { DatabaseSpec } from "../base/database-spec.ts";
import { messageOf } from "../base/errors.ts";
import type { EnsuredDatabase, EnsureRequest } from "../database/ensure-rules.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import type { DatabaseMade, DeployEvent } from "./deploy-api.ts";

/** What a deployer needs of databases. */
export interface DeployDatabases {
  ensure(request: EnsureRequest): Promise<EnsuredDatabase>;
}

export interface DatabaseStep {
  app: string;
  branch: string;
  spec: DatabaseSpec | null;
  /** See `EnsureRequest`. */
  mask: EnsureRequest["mask"];
  /** Branch to copy from, when somebody says which. */
  parent: string | null;
  environment: OpenEnvironment;
  emit(event: DeployEvent): void;
}

/** What the step has done. */
export interface StepDatabase {
  /** Null when it was there, or the version has none. */
  made: DatabaseMade | null;
  /** For a version that comes to nothing. Never throws; what it cannot undo is said. */
  undo(): Promise<void>;
}

const nothing: StepDatabase = { made: null, undo: async () => {} };

/** @throws {PlatformError} why there is no database: the version cannot be started */
export async function databaseStep(
  databases: DeployDatabases | undefined,
  { app, branch, spec, mask, parent, environment, emit }: DatabaseStep,
): Promise<StepDatabase> {
  // Whoever has a URL of his own means another database.
  if (spec === null || databases === undefined || environment.run.has("DATABASE_URL")) {
    return nothing;
  }
  emit({ type: "step", step: "database" });
  const ensured = await databases.ensure({ app, branch, spec, mask, parent });
  const made = ensured.made === null ? null : { name: ensured.name, ...rounded(ensured.made) };
  if (made !== null) emit({ type: "database", made });
  return {
    made,
    async undo() {
      await ensured.undo().catch((error: unknown) => {
        emit({
          type: "warning",
          message: `the database of ${branch} could not be put back as it was: ${messageOf(error)}`,
        });
      });
    },
  };
}

function rounded<Facts extends object>(facts: Facts): Facts {
  const entries = Object.entries(facts).map(([key, value]) => [
    key,
    typeof value === "number" ? Math.round(value * 10) / 10 : value,
  ]);
  return Object.fromEntries(entries) as Facts;
}
