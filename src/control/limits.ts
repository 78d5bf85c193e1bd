/** JSON body of an admin request; the largest real one has two short fields. Bytes. */
export const adminBodyBytesMax = 64 * 1024;

/** Silence on an admin connection before it is closed; longer than any answer that is not a stream takes. Seconds. */
export const adminIdleSeconds = 120;

/** Time between the empty lines of a silent stream, well below every idle limit on the way. Milliseconds. */
export const streamHeartbeatMs = 10_000;

/** Unread bytes of a stream beyond which build output is left out, so that a client that stops reading costs no memory. Bytes. */
export const streamBacklogBytesMax = 1024 * 1024;

/** Grace for open answers when the admin server stops; then their connections are closed. Milliseconds. */
export const adminStopTimeoutMs = 2_000;

/** First pause before a failed publication of the route table is tried again; doubles each time. Milliseconds. */
export const publishRetryMs = 500;

/** Longest pause between two tries to publish the route table. Milliseconds. */
export const publishRetryMsMax = 15_000;

/** Records that one `logs` request may ask for with `tail`. Count. */
export const logTailMax = 100_000;

/** Text of `grep` in a `logs` request. Characters. */
export const logGrepCharactersMax = 1_000;

/** Silence of a client in the middle of its upload. Milliseconds. */
export const uploadSilenceMs = 30_000;

/** Path of the data directory: a unix socket's path has at most 107 bytes, and the longest below it adds 29. Bytes. */
export const dataDirBytesMax = 78;
