/** `DatabaseSpec` as it is read from disk: in the route table and in `databases.json`. */
import { z } from "zod";
import { DATABASE_ORIGINS, type DatabaseSpec, POOLING_MODES } from "./database-spec.ts";

const count = z.number().nonnegative();

export const databaseSpecSchema = z.object({
  extensions: z.array(z.string()).readonly(),
  from: z.enum(DATABASE_ORIGINS),
  poolMax: count,
  pooling: z.enum(POOLING_MODES),
  readOnly: z.boolean(),
  mask: z.string().nullable(),
  ttlMs: count,
  bytesMax: count,
  statementTimeoutMs: count,
  transactionTimeoutMs: count,
  slowStatementMs: count,
  queriesPerRequestMax: count,
  idleReleaseMs: count,
}) satisfies z.ZodType<DatabaseSpec>;
