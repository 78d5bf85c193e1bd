/** Size at which a new file is begun. Small enough that removing the oldest gives back a part, not most, of the log. Bytes. */
export const logFileBytesMax = 8 * 1024 * 1024;

/** Files kept per app; with the size of one this bounds what an app's log takes on disk, whatever the app prints. Count. */
export const logFilesMax = 4;

/** Records of one app that wait for the disk. Covers a stall of the disk at the rate an app may print; beyond, records are dropped and counted. Bytes. */
export const logBacklogBytesMax = 1024 * 1024;

/** Records of all apps that wait for the disk; bounds the node's memory when the disk is full and every app prints. Bytes. */
export const logBacklogTotalBytesMax = 32 * 1024 * 1024;

/** Records written with one call; larger brings nothing, smaller costs a call more. Bytes. */
export const logBatchBytesMax = 256 * 1024;

/** Message of one record; what is longer is cut and says so. Holds a line of `logLineBytesMax`. Characters. */
export const logMessageCharactersMax = 16 * 1024;

/** One record as JSON. Holds a message in which each character has to be escaped; fields that do not fit are left out. Bytes. */
export const logRecordBytesMax = 128 * 1024;

/** Pause before a failed write is tried again. Long enough to cost nothing, short enough that a freed disk is used soon. Milliseconds. */
export const logRetryMs = 1_000;

/** Piece in which log files are read; a slow reader holds one. Bytes. */
export const logReadBytes = 64 * 1024;

/** Line of an app's output; longer ones become several records. Holds a stack trace in one line, and a page of it is enough for a person. Bytes. */
export const logLineBytesMax = 16 * 1024;

/** Memory that a stream keeps for its next unfinished line; a longer one gives it back, so that many instances stay small. Bytes. */
export const unfinishedLineKeptBytes = 4096;

/** Id of a request in front of a printed line. Characters. */
export const requestIdCharactersMax = 64;

/** Output that an instance may print all the time; one that prints more is slowed by its own pipe. Some 10,000 lines. Bytes per second. */
export const outputBytesPerSecondMax = 1024 * 1024;

/** Output that an instance may print at once, such as a large dump or the lines of a burst of requests. Bytes. */
export const outputBurstBytesMax = 4 * 1024 * 1024;

/** Shortest time between two records that say that an instance's output is being slowed. Milliseconds. */
export const outputSlowedReportMs = 60_000;
