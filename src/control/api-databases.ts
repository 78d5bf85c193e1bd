/** What the admin API says of branches' databases, and takes to change them. */
import { z } from "zod";
import { DATABASE_ORIGINS, POOLING_MODES } from "../base/database-spec.ts";
import { databaseMade } from "../deploy/deploy-api.ts";

/** What a relay sees of a database now. */
const databaseUse = z.object({
  sessions: z.int(),
  serverConnections: z.int(),
  /** Sessions that keep their connection, since they have what cannot be made anew. */
  pinned: z.int(),
  inTransaction: z.int(),
  oldestTransactionMs: z.number().nullable(),
  /** Queries that wait for a connection. */
  waiting: z.int(),
  /** Statements that wait for a lock. */
  lockWaits: z.int(),
  longestLockWaitMs: z.number().nullable(),
  /** Of queries since the relay's start, as all that follows. Null before the first. */
  p50Ms: z.number().nullable(),
  p99Ms: z.number().nullable(),
  queries: z.int(),
  /** PostgreSQL's. */
  errors: z.int(),
  relayErrors: z.int(),
  /** Queries that were run again on another connection. */
  retries: z.int(),
  /** Connections in the place of those that were lost. */
  reconnects: z.int(),
  /** Connections that idle sessions gave back. */
  releases: z.int(),
  lapsedWaits: z.int(),
  slowStatements: z.int(),
  /** Requests with more queries than `queriesPerRequestMax`. */
  overBudget: z.int(),
  timeouts: z.int(),
  endedTransactions: z.int(),
  refusals: z.int(),
  receivedBytes: z.number(),
  sentBytes: z.number(),
});

export const databaseInfo = z.object({
  /** As its clients know it. */
  name: z.string(),
  app: z.string(),
  branch: z.string(),
  /** `dropped`: the next deploy of the branch makes it anew. */
  state: z.enum(["ready", "dropped"]),
  /** Why it was dropped. */
  note: z.string().nullable(),
  /** How it began, and the branch that it was copied from. */
  origin: z.enum(DATABASE_ORIGINS),
  parent: z.string().nullable(),
  role: z.string(),
  /** As it was measured last; null: not yet. */
  bytes: z.number().nullable(),
  /** 0: no bound. */
  bytesMax: z.number(),
  /** Whether writes are refused: since it has more than `bytesMax`, or somebody says so. */
  isReadOnly: z.boolean(),
  isOver: z.boolean(),
  pooling: z.enum(POOLING_MODES),
  poolMax: z.int(),
  extensions: z.array(z.string()).readonly(),
  createdAtMs: z.number(),
  usedAtMs: z.number(),
  /** When it goes if nobody uses it; null: never. */
  expiresAtMs: z.number().nullable(),
  /** Null while no relay runs, or it does not know the database. */
  use: databaseUse.nullable(),
});

export const databasesQuery = z.strictObject({ app: z.string().optional() });

const branch = z.string().default("main");
const origin = {
  /** Branch to copy from. Default: as it was before, or main. */
  fromBranch: z.string().optional(),
  /** What is copied. Default: as the branch's configuration says, or production's. */
  from: z.enum(DATABASE_ORIGINS).optional(),
};

export const databaseMakeInput = z.strictObject({ branch: z.string(), ...origin });
export const databaseResetInput = z.strictObject({
  branch,
  ...origin,
  /** Consent to the end of what is in it: the branch's name once more. */
  confirm: z.string().optional(),
});
export const databaseDropQuery = z.strictObject({ branch, confirm: z.string().optional() });
export const databaseUrlQuery = z.strictObject({
  branch,
  /** Name or address by which another machine calls the node. Default: the address is for the node's own machine. */
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$|^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/)
    .optional(),
});
export const databaseReadOnlyInput = z.strictObject({ branch, isReadOnly: z.boolean() });

export const databaseChanged = z.object({
  database: databaseInfo,
  /** How it came to be; null when it was there. */
  made: databaseMade.nullable(),
});

export const databaseUrl = z.object({
  app: z.string(),
  branch: z.string(),
  /** With its password; reached on the node's machine alone, unless `host` was given. */
  url: z.string(),
  /** Whether the certificate that clients are shown is for `host`; null without TLS, and for the node's own machine. */
  isCertified: z.boolean().nullable(),
});

export type DatabaseInfo = z.infer<typeof databaseInfo>;
