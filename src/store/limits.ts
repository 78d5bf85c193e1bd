// --- the embedded PostgreSQL ---

/** First start of the server; recovery after a crash replays at most `postgresWalBytesMax`, which takes seconds. Milliseconds. */
export const postgresStartTimeoutMs = 120_000;

/** Wait for the first answer of a server that need not be there yet; an ordinary start takes 100 ms. Milliseconds. */
export const postgresGraceMs = 2_000;

/** Making a new cluster takes half a second; a slow disk gets two orders of magnitude more. Milliseconds. */
export const postgresInitTimeoutMs = 60_000;

/** Adding the user and other small commands of the system. Milliseconds. */
export const systemCommandTimeoutMs = 10_000;

/** Fast shutdown ends sessions and writes a checkpoint; beyond this the immediate one follows. Milliseconds. */
export const postgresFastStopMs = 10_000;

/** Immediate shutdown writes nothing; beyond this the processes are killed. Milliseconds. */
export const postgresImmediateStopMs = 3_000;

/** First pause before the server is started again; doubles with each failure in a row. Milliseconds. */
export const postgresRestartMs = 100;

/** Longest pause between two starts, so that a repaired machine is noticed soon. Milliseconds. */
export const postgresRestartMsMax = 10_000;

/** A server that ran this long was healthy: its next end is the first failure again. Milliseconds. */
export const postgresHealthyMs = 30_000;

/** First pause between two tries to connect to a starting server; a start takes about 30 ms. Milliseconds. */
export const postgresProbeMs = 10;

/** Longest pause between two tries to connect to a starting server. Milliseconds. */
export const postgresProbeMsMax = 250;

/** Server log; a full one becomes `postgres.log.1`, so twice this is kept. Bytes. */
export const postgresLogBytesMax = 4 * 1024 * 1024;

/** How often the size of the server log is looked at. Milliseconds. */
export const postgresLogCheckMs = 30_000;

/** Last lines of the server log that go into an error. Lines. */
export const postgresLogTailLines = 10;

/** Part of the server log that is read for its last lines. Bytes. */
export const postgresLogTailBytes = 16 * 1024;

/** What a session takes when it works, with what it has cached of the catalogue. Bytes. */
export const postgresConnectionBytes = 24 * 1024 * 1024;

/** Sessions of the server on a small machine: the store's pool several times over, and those of some apps. Count. */
export const postgresConnectionsMin = 50;

/** On a large one; more sessions than that only wait for each other. Count. */
export const postgresConnectionsMax = 400;

/** Of these, kept for the node: the store's pool, copies of databases and an operator. Count. */
export const postgresReservedConnections = 16;

/** Page cache of the server at least; the store alone is small, and the system caches files too. Bytes. */
export const postgresSharedBuffersBytesMin = 32 * 1024 * 1024;

/** At most: what is larger is the business of a server of its own. Bytes. */
export const postgresSharedBuffersBytesMax = 1024 * 1024 * 1024;

/** Log of changes before a checkpoint; bounds both the disk and the time of a recovery. Bytes. */
export const postgresWalBytesMax = 256 * 1024 * 1024;

/**
 * What one session may write to the disk beside its tables, such as for a large sort. It is in no size of a database, and the
 * store is on the same disk. Bytes.
 */
export const postgresTemporaryBytesMax = 4 * 1024 * 1024 * 1024;

/** Path of a unix socket, without the closing zero byte; the kernel's bound. Bytes. */
export const socketPathBytesMax = 107;

// --- the store ---

/** Connections to the database; control is one lane with short transactions. Count. */
export const storeConnectionsMax = 4;

/** Waiting for a connection, including making one. Milliseconds. */
export const storeConnectTimeoutMs = 3_000;

/** One call of the store from start to end. Milliseconds. */
export const storeCallTimeoutMs = 10_000;

/** Bringing the schema up to date: includes waiting for another node that does it. Milliseconds. */
export const storeMigrateTimeoutMs = 120_000;

/** Idle time after which a connection is closed. Milliseconds. */
export const storeIdleTimeoutMs = 60_000;

/** Grace for running calls when the store is closed. Milliseconds. */
export const storeCloseTimeoutMs = 3_000;

/** Live changes kept for each branch; rollback looks no further back. Count. */
export const liveChangesKeptMax = 500;

/** Deploys kept for each app. Count. */
export const deploysKeptMax = 200;

/** Deploys kept in all, which bounds those of apps that never came to be. Count. */
export const deploysKeptInAllMax = 20_000;

/** Error of a failed deploy as it is kept; a larger one loses its detail. Bytes. */
export const deployErrorBytesMax = 64 * 1024;

/** Pause between two looks at whether PostgreSQL answers; one look costs it a process. Milliseconds. */
export const storePingMs = 10_000;

/** The same while it does not, so that its return is seen soon. Milliseconds. */
export const storePingSilentMs = 1_000;

/** Runs of migrations of one branch; each has a report of some KB. Count. */
export const migrationRunsKeptMax = 200;

// --- use from elsewhere ---

/** Tokens of a node; they are all kept in memory, a few hundred bytes each. Count. */
export const tokensMax = 1_000;

/** How long a token that has ended is still listed. Milliseconds. */
export const tokenExpiredKeptMs = 30 * 86_400_000;

/** Domains of one app, verified or not. Count. */
export const domainsOfAppMax = 100;

/** Entries of the audit log, at some 300 bytes each. Count. */
export const auditKeptMax = 100_000;

/** A year and a month, so that a yearly look finds last year's. Milliseconds. */
export const auditKeptMs = 396 * 86_400_000;

/** Verdicts of one runtime, at some 4 KiB each. Count. */
export const verdictsKeptMax = 20;
