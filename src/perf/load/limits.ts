/** Connections of one run. Beyond it a generator measures itself. Count. */
export const connectionsMax = 20_000;

/** Connections being opened at once, so that a listener's queue (512 in Bun) does not overflow and cost a second. Count. */
export const openingsMax = 128;

/** Least wait before a connection that failed is opened again, so that a refusing server is not hammered. Milliseconds. */
export const reopenPauseMs = 100;

/** A client's time-out is noticed up to so much later: two ticks, and one that is spared. Milliseconds. */
export const timeoutSlackMs = 500;

/** Head of one answer, as far as it is kept while it comes in pieces. Bytes. */
export const answerHeadBytesMax = 64 * 1024;

/** Head of one server frame of a WebSocket: 2, and 8 of a long length; servers do not mask. Bytes. */
export const frameHeadBytesMax = 10;

/** A timer may be this late by itself: open loop, less than this is not the server's. Milliseconds. */
export const timerSlackMs = 2;

/** How long a generator may take until it is there; a Bun process takes 10 to 30 ms. Milliseconds. */
export const generatorStartTimeoutMs = 10_000;

/** What a run may take beyond all that its plan adds up to, before the generator counts as stuck. Milliseconds. */
export const generatorGraceMs = 10_000;

/** How long a generator may take to end by itself, before it is killed. Milliseconds. */
export const generatorStopTimeoutMs = 2000;
