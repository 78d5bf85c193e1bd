/** What a version asks of its branch's database, with every default filled in. Plain JSON, as all of a version. */

/** What a new branch's database starts with: its parent's data, its parent's tables without rows, or nothing. */
export const DATABASE_ORIGINS = ["data", "schema", "empty"] as const;
export type DatabaseOrigin = (typeof DATABASE_ORIGINS)[number];

export const POOLING_MODES = ["session", "transaction"] as const;
export type PoolingMode = (typeof POOLING_MODES)[number];

export interface DatabaseSpec {
  /** Extensions of PostgreSQL that it needs. */
  extensions: readonly string[];
  /** Of a branch that is not production. */
  from: DatabaseOrigin;
  /** Connections to the server at once. Count. */
  poolMax: number;
  pooling: PoolingMode;
  /** Whether what writes is refused. */
  readOnly: boolean;
  /** Path in the project of a file of SQL that is run on a copy before anyone can connect; null: none. */
  mask: string | null;
  /** A preview's database that nobody used for so long is dropped. Milliseconds; 0 = never. */
  ttlMs: number;
  /** Beyond it the database takes no more writes. Bytes; 0 = no bound of its own. */
  bytesMax: number;
  /** A statement that takes longer is cancelled. Milliseconds; 0 = never. */
  statementTimeoutMs: number;
  /** A transaction that is open for longer is ended. Milliseconds; 0 = never. */
  transactionTimeoutMs: number;
  /** A statement that takes longer is logged, by its shape. Milliseconds; 0 = none. */
  slowStatementMs: number;
  /** Queries within one request; more are reported. Count; 0 = any number. */
  queriesPerRequestMax: number;
  /** Idle outside of a transaction for so long, a session gives its connection back. Milliseconds; 0 = never. */
  idleReleaseMs: number;
}
