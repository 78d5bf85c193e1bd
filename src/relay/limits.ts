/** Bounds of the relay, each with its reason. */

/** Characters of a statement that are looked at for its shape; a bulk insert is many times as long. */
export const shapeTextCharactersMax = 65_536;
/** Characters of a statement's shape that are shown; the others count for its fingerprint only. */
export const shapeCharactersMax = 1000;
/** Shapes that are kept by text, so that a statement that repeats is not read anew. */
export const shapesKeptMax = 512;
/** Texts whose features are kept, so that a statement that repeats is not read anew. */
export const featuresKeptMax = 512;
/** Requests of one app whose queries are counted at once; the one that was silent longest is dropped. */
export const requestsCountedMax = 1000;
/** Shapes that are told apart within one request; what is beyond is counted together. */
export const requestShapesMax = 50;
/** Silence after which a request over its budget is reported, with all of its queries. Milliseconds. */
export const requestReportMs = 1000;
/** Records of one database and one kind that are written per second; more are counted. */
export const guardRecordsPerSecondMax = 5;
/** The same, at once. */
export const guardRecordsBurstMax = 20;
/** Pause between two records that say how many were left out. Milliseconds. */
export const guardGapReportMs = 1000;
/** A startup packet; PostgreSQL's own bound. Bytes. */
export const startupBytesMax = 10_000;

/** A message of the log-in; the longest that clients send are some hundred. Bytes. */
export const loginMessageBytesMax = 4096;

/** From a connection's first byte to the end of its log-in, TLS included. Milliseconds. */
export const loginTimeoutMs = 15_000;

/** Connections that have not logged in yet; with one more, the oldest of them is closed. Count. */
export const strangersMax = 1024;

/** The same of connections from beyond this machine, so that they leave room for apps. Count. */
export const strangersBeyondMax = 256;

/** The same of one address: a pool that opens all of its connections at once. Count. */
export const strangersOfOneMax = 64;

/** Rounds of the hash in the log-in of clients, the fewest that RFC 7677 allows: passwords are random. Count. */
export const scramRounds = 4096;

/** Rounds of the hash that a server may ask for; each costs it as much as the relay. Count. */
export const scramRoundsMax = 1_000_000;

/** A message; PostgreSQL's own bound, just below 1 GiB. Bytes. */
export const messageBytesMax = 0x3fff_ffff;

/** A message that has to be seen in one piece: a statement that is prepared, an error. Longer ones pass unseen. Bytes. */
export const wholeBytesMax = 1024 * 1024;

/** What a client sends is kept, to be sent again, up to so much of unanswered batches. Bytes. */
export const keptBytesMax = 256 * 1024;

/** What a client has sent and nobody can take yet; beyond it, it is not read. Bytes. */
export const heldBytesMax = 64 * 1024;

/** What a side has not taken yet; beyond it, the other side is not read. Bytes. */
export const unsentBytesMax = 256 * 1024;

/** How long a client may take nothing of an answer that waits for it. Milliseconds. */
export const stalledMsMax = 600_000;

/**
 * The same when other sessions wait for its server connection, or it was told to leave: a client that reads at all takes
 * some 30 kB a second, since the kernel has a megabyte for it and tells of progress by thirds. Milliseconds.
 */
export const stalledWantedMsMax = 30_000;

/** Batches that a client has sent ahead of their answers; beyond it, it is not read. Count. */
export const batchesMax = 1024;

/** Texts, and names of prepared statements, that are remembered of a batch: it may go on without a Sync for ever. Count. */
export const batchTextsMax = 1000;

/** The same in bytes: one statement that is as long as may be. What is beyond cannot be run again. Bytes. */
export const batchTextBytesMax = 1024 * 1024;

/** Prepared statements that are remembered of a session; with more it is pinned. Count. */
export const statementsMax = 2000;

/** Bytes of prepared statements that are remembered of a session; with more it is pinned. Bytes. */
export const statementBytesMax = 4 * 1024 * 1024;

/** How long a batch waits for the server, or for a connection to it. Milliseconds. */
export const serverWaitMs = 10_000;

/** From the start of a connection to the server until it can take a query. Milliseconds. */
export const connectTimeoutMs = 3000;

/** Pause before a server that did not answer is tried again; doubles. Milliseconds. */
export const connectPauseMsMin = 25;

/** The longest such pause: a client notices this much of a server that is back. Milliseconds. */
export const connectPauseMsMax = 400;

/** Connections that are lost in a row before a batch that was not sent yet is given up. Count. */
export const lossesMax = 5;

/** Silence after which a connection has to prove that it is one, before a query goes to it. Milliseconds. */
export const doubtAfterMs = 1000;

/** How long it may take to prove it: on loopback it takes 0.1. Milliseconds. */
export const proofMs = 250;

/** The same in an open transaction, or with what no other connection has: a busy server is no reason to lose that. Milliseconds. */
export const aloneProofMs = 5000;

/** Silence after which the connection of a session that listens has to prove that it is one. Milliseconds. */
export const listenProofEveryMs = 5000;

/** How long that may take: nothing waits for it, and a busy server is no reason to lose notifications. Milliseconds. */
export const listenProofMs = 1000;

/** How long the relay's own queries may take: what state a session has, making it anew. Milliseconds. */
export const ownQueryMs = 5000;

/** How long a connection that nobody has is kept, where no rule says for how long. Milliseconds. */
export const spareMs = 30_000;

/** How long a server may take to close after it was told that a connection ends, or a client over TLS. Milliseconds. */
export const closeMs = 2000;

/** After so long a hold releases itself: whoever has it may have died. Milliseconds. */
export const holdMsMax = 600_000;

/** Silence after which the kernel asks whether the other side is still there. Milliseconds. */
export const keepAliveProbeMs = 10_000;

/** How long a session has a connection at least while others wait: what it has costs more to move than a query. Milliseconds. */
export const tenureMs = 20;

/** How long a session has to be idle before it is asked for its connection. Milliseconds. */
export const restMs = 5;

/** How often idle sessions are asked for their connections, as long as others wait. Milliseconds. */
export const reclaimMs = 10;

/** Sets of startup parameters that are told apart in one database; sessions with others share no connections. Count. */
export const parameterSetsMax = 256;

/** Cancel requests that are on their way to servers at once; more are dropped. Count. */
export const cancelsMax = 64;

/** Statements that are prepared on one server connection with transaction pooling; each takes the server some kilobytes. Count. */
export const serverStatementsMax = 200;

/** Statements of one database that have a name on servers, with transaction pooling. Count. */
export const sharedStatementsMax = 5000;

/** The same in bytes, so that a few huge ones are not kept for good. Bytes. */
export const sharedStatementBytesMax = 16 * 1024 * 1024;

/** Pause between two looks at statements and transactions that are under way. Milliseconds. */
export const guardLookMs = 1000;

/** A transaction that is open for longer is reported, once, where no rule ends it sooner. Milliseconds. */
export const longTransactionMs = 60_000;

/** Beyond the statement time-out, which PostgreSQL itself keeps, before the relay cancels. Milliseconds. */
export const statementGraceMs = 1500;

/** How long a server may take to answer a cancel request before its connection is given up. Milliseconds. */
export const cancelGraceMs = 5000;

/** Statements of one batch whose shapes a record shows. Count. */
export const slowStatementsShownMax = 3;

/** Pieces of what a client has sent that are joined for one write; what is longer is written as it is. Bytes. */
export const gatheredBytesMax = 32 * 1024;
