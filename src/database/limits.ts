/** Every bound of branch databases, with its reason. Checked against docs/limits.md. */

/** Waiting for a connection to the server; it is on this machine or near. Milliseconds. */
export const databaseConnectTimeoutMs = 5_000;

/** Any statement on the server that copies nothing. Milliseconds. */
export const databaseStatementMs = 30_000;

/** Pause between two looks at who waits for a lock, while apps have connections. Milliseconds. */
export const lockLookMs = 2_000;

/** A statement that has waited for a lock for so long is reported, once. Milliseconds. */
export const lockWaitReportMs = 2_000;

/** Statements waiting for a lock that are looked at; when all wait for one, a hundred say it as well. */
export const lockWaitsMax = 100;
