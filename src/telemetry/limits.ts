/** Size at which a new file is begun. Small enough that removing the oldest gives back a part, not most, of the log. Bytes. */
export const logFileBytesMax = 8 * 1024 * 1024;

/** Files kept per app; with the size of one this bounds what an app's log takes on disk, whatever the app prints. Count. */
export const logFilesMax = 4;

/** Records of one app that wait for the disk: a stall of a second at the rate an instance may print. Beyond, records are dropped and counted. Bytes. */
export const logBacklogBytesMax = 4 * 1024 * 1024;

/** Records of all apps that wait for the disk; bounds the node's memory when the disk is full and every app prints. Bytes. */
export const logBacklogTotalBytesMax = 32 * 1024 * 1024;

/** Records written with one call; larger brings nothing, smaller costs a call more. Bytes. */
export const logBatchBytesMax = 256 * 1024;

/** Message of one record; what is longer is cut and says so. Holds a line of `logLineBytesMax`. Characters. */
export const logMessageCharactersMax = 16 * 1024;

/** One record as JSON. Holds a message in which each character has to be escaped; fields that do not fit are left out. Bytes. */
export const logRecordBytesMax = 128 * 1024;

/** How long the records of a busy app collect before they are written; a node that is killed loses no more. Milliseconds. */
export const logWriteDelayMs = 50;

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

/** What a printed line costs beyond its own bytes: the rest of its record. Without it, output of nothing but line feeds would be free. Bytes. */
export const outputLineCostBytes = 200;

/** Output, with the cost of its lines, that an instance may print all the time; more is slowed by its own pipe. Some 14,000 lines of 100 bytes, which take a tenth of a core. Bytes per second. */
export const outputBytesPerSecondMax = 4 * 1024 * 1024;

/** Output, with the cost of its lines, that an instance may print at once: a large dump, or the lines of a burst of requests. Bytes. */
export const outputBurstBytesMax = 8 * 1024 * 1024;

/** The same for all instances of a node together, so that many that flood cannot take the node's core from the requests. Bytes per second. */
export const outputTotalBytesPerSecondMax = 8 * 1024 * 1024;

/** The burst of all instances together. Bytes. */
export const outputTotalBurstBytesMax = 16 * 1024 * 1024;

/** Lines taken from an instance before others have their turn; about a millisecond of work. Count. */
export const outputLinesPerTurnMax = 200;

/** Bytes taken from an instance before others have their turn. Bytes. */
export const outputBytesPerTurnMax = 64 * 1024;

/** Shortest time between two records that say that an instance's output is being slowed. Milliseconds. */
export const outputSlowedReportMs = 60_000;

/** Answered requests of one app that are recorded all the time; more are counted only. What a person can look through, for a few tenths of a percent of a core. Records per second. */
export const requestRecordsPerSecondMax = 200;

/** Answered requests of one app that are recorded at once: pages with all that they load, or a test run. Records. */
export const requestRecordsBurstMax = 1000;

/** Answers with a status from 500 up of one app that are recorded though its budget is used up. Records per second. */
export const requestFailuresPerSecondMax = 50;

/** The same at once. Records. */
export const requestFailuresBurstMax = 250;

/** Answered requests of all apps together that are recorded all the time; some hundredths of a core. Records per second. */
export const requestRecordsTotalPerSecondMax = 2000;

/** The same at once; bounds what waits in memory to be written. Records. */
export const requestRecordsTotalBurstMax = 4000;

/** How long records of requests collect before they are made and written. Milliseconds. */
export const requestRecordsDelayMs = 100;

/** Records of requests that are made in one turn of the event loop; about a millisecond of work. Count. */
export const requestRecordsPerTurnMax = 200;

/** Time between two records that say how many requests of an app were left out. Milliseconds. */
export const requestGapReportMs = 1000;

/** Answers of the platform's own that an app's log has of one code all the time; more are counted, and how many is said. Enough to see that it goes on. Records per second. */
export const verdictRecordsPerSecondMax = 1;

/** The same at once: enough to see who asked for what. Records. */
export const verdictRecordsBurstMax = 20;

/** Time between two records that say how many answers of one code were left out of an app's log. Milliseconds. */
export const verdictGapReportMs = 1000;

/** Characters of a request's target that are kept in a log record. Count. */
export const loggedTargetCharactersMax = 500;

/** Files kept of one app's requests; with `logFileBytesMax` some 50,000 records, apart from what the app printed. Count. */
export const requestFilesMax = 2;
/** Records of a build that are held until its boot check is over; the newest say why it failed. Count. */
export const trialRecordsMax = 1000;
/** Their messages together. Count of characters. */
export const trialCharactersMax = 1024 * 1024;
