/** Bounds of migrations. */

/** Files of one folder: ten a day for three years. Count. */
export const migrationFilesMax = 10_000;
/** One file is kept in memory, and sent as one message. Bytes. */
export const migrationFileBytesMax = 16 * 1024 * 1024;
/** All files of a folder are kept in memory for a moment. Bytes. */
export const migrationFolderBytesMax = 64 * 1024 * 1024;
/** How often locks are looked at: shorter ones hold nobody up that a person could notice, and a look takes about 1 ms. Milliseconds. */
export const lockSampleMs = 20;
/** From a cancelled statement to the end of its transaction, which is up to its client. Milliseconds. */
export const lockGraceMs = 500;
/** A look at the locks takes 1 ms; one that takes this long says that the server is not well, and ends the migration. Milliseconds. */
export const lockLookTimeoutMs = 10_000;
/** For a connection to a database that is about to be migrated. Milliseconds. */
export const migrationConnectTimeoutMs = 10_000;
/** Another node's migration of the same database is waited for; this node's own come one after the other. Milliseconds. */
export const migrationTurnTimeoutMs = 60_000;
/** Between two tries to have a database alone. Milliseconds. */
export const migrationTurnPollMs = 200;
/** Times a file is tried on the target when a lock was not to be had within its budget. Count. */
export const lockTriesMax = 3;
/** Before a file is tried again, so that what waited behind it gets through; doubled each time. Milliseconds. */
export const lockRetryPauseMs = 500;
/** Enough of a statement to find it in its file. Characters. */
export const statementCharactersMax = 200;
