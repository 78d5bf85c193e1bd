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
/** Databases of one app are made, copied and dropped one after the other; so many wait for their turn. Count. */
export const databaseTurnsMax = 50;

/** A copy of a terabyte at the pace of a slow disk. Milliseconds. */
export const databaseCopyMs = 3 * 3_600_000;

/** The same while its queries wait for it: shorter than a relay holds them. Milliseconds. */
export const databaseHeldCopyMs = 9 * 60_000;

/** Copies below this go through the log of changes: no checkpoint of the whole server is needed. Bytes. */
export const databaseLoggedCopyBytesMax = 24 * 1024 * 1024;

/** How long a copy waits for open transactions of its source before it says which. Milliseconds. */
export const databaseHoldTimeoutMs = 10_000;

/** Masking writes each row anew, which takes minutes for some hundred million. Milliseconds. */
export const databaseMaskMs = 30 * 60_000;

/** Bytes of a name on the server; PostgreSQL's own bound. */
export const databaseNameBytesMax = 63;

/** Random bytes of a password, or of what makes a name unique. */
export const databasePasswordBytes = 32;
/** The same for a name: two of the same label never meet by chance. */
export const databaseSuffixBytes = 4;

/** PostgreSQL's own number of rounds protects passwords that people choose; these have 256 random bits. Count. */
export const databaseScramRounds = 1;

/** Sessions of one branch's clients at once; each has a few buffers in the relay. Count. */
export const databaseSessionsMax = 500;

/** Pause between two looks at who has used a database, and how large it is. Milliseconds. */
export const databaseWatchMs = 60_000;

/** How exactly the store knows when a database was used last. Milliseconds. */
export const databaseUseNoteMs = 10 * 60_000;

/** Share of its `bytesMax` below which a database that was over it takes writes again. Of 1. */
export const databaseRoomShare = 0.95;
