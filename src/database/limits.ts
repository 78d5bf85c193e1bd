/** Every bound of branch databases, with its reason. Checked against docs/limits.md. */

/** Waiting for a connection to the server; it is on this machine or near. Milliseconds. */
export const databaseConnectTimeoutMs = 5_000;

/** Any statement on the server that copies nothing. Milliseconds. */
export const databaseStatementMs = 30_000;
