/** Requests held for one version while its process starts or wakes; beyond that a client is better told to come back. Count. */
export const holdsMax = 1000;

/** Heads and bodies kept for the held requests of one version. Bytes. */
export const holdBytesMax = 16 * 1024 * 1024;

/** The same for all versions together: more apps than usual may start at once, and the node keeps its memory. Bytes. */
export const holdBytesTotalMax = 128 * 1024 * 1024;

/** How long a request may be held before an instance takes it. Longer than an ordinary boot. Milliseconds. */
export const holdTimeoutMs = 30_000;

/** Evicted processes that may be on their way out at once, as a share of `instancesMax`; one always may. */
export const evictedShareMax = 0.1;

/** How often pools look at idle times and health. Coarse: freezing a little later costs nothing. Milliseconds. */
export const tickMs = 100;

/** How often a process that is not frozen is asked for a sign of life, unless its requests have less time than twice that. Milliseconds. */
export const pingIntervalMs = 1000;

/** Silence after which an event loop counts as stuck that has no request; one that has may take until the request's deadline. Milliseconds. */
export const unresponsiveTimeoutMs = 10_000;

/** The least silence that counts as stuck, whatever the app's time-out: a garbage collection may take half of it. Milliseconds. */
export const unresponsiveTimeoutMsMin = 1000;

/** How often it is read what a running process takes of the machine, when it is far from its limits. Milliseconds. */
export const memorySampleMs = 1000;

/** How fast memory is taken to grow where the kernel does not hold it: what one thread can fill. Bytes per millisecond. */
export const memoryGrowthBytesPerMs = 1024 * 1024;

/** Last samples of its memory that are kept as evidence: half a minute of an ordinary life. Count. */
export const memorySamplesMax = 30;

/** Memory beyond `memoryBytesMax` at which the kernel ends it: page tables and copies of files it reads count there. Part of 1. */
export const memoryRoomShare = 1 / 16;

/** The least of that. Bytes. */
export const memoryRoomBytesMin = 32 * 1024 * 1024;

/** Time over which it is looked at how often CPU time was refused. Milliseconds. */
export const cpuWindowMs = 5000;

/** Part of the spans in which a process wanted to run and was held back, from which it counts as starved. Part of 1. */
export const throttledShareMax = 0.5;

/** Looks in a row that find processes refused, after which the instance is ended: it does nothing but try. Count. */
export const processesRefusedLooksMax = 10;

/** How often memory that shows in no process is looked for, where there are no cgroups; it takes milliseconds. Milliseconds. */
export const unmappedSampleMs = 2000;

/** How much fuller the disk has to be before an instance's files are counted, however near its limit. Bytes. */
export const diskFallBytesMin = 1024 * 1024;

/** The same for files. Count. */
export const diskFallFilesMin = 100;

/** How often an instance's files are counted although the disk is no fuller: others may have made the room. Milliseconds. */
export const diskCountIntervalMs = 60_000;

/** Part of the time that may be spent with counting them. Part of 1. */
export const diskCountTimeShareMax = 0.05;

/** Between two records of the same breach in an app's log. Milliseconds. */
export const breachNoteMs = 60_000;

/** Between asking a process to end and ending it. Milliseconds. */
export const stopTimeoutMs = 5000;

/** Crashes in a row that cost no waiting: one bad request must not keep the next waiting. Count. */
export const freeCrashes = 2;

/** First wait after more crashes; doubles with each. Milliseconds. */
export const backOffMsMin = 250;

/** Longest wait between two starts of an app that keeps crashing. Milliseconds. */
export const backOffMsMax = 30_000;

/** A process that lived this long counts as healthy: its end starts a new count of crashes. Milliseconds. */
export const healthyAfterMs = 10_000;

/** Between taking a spare and starting the next: the app that got it starts meanwhile, on the same cores. Milliseconds. */
export const spareDelayMs = 25;

/** How long a process without an app may take until it is connected. Milliseconds. */
export const spareStartTimeoutMs = 10_000;

/** How long streams and sockets of a version that is live nowhere may go on, unless a request of it may take longer. Milliseconds. */
export const drainTimeoutMsMin = 30_000;

/** Idle time after which a version that is live nowhere gives its process back. Milliseconds. */
export const supersededIdleMs = 5000;

/** Last lines of output kept as evidence for why a process ended. Count. */
export const lastLinesMax = 20;

/** How long the last frames of an ended process are waited for, when something holds its end of the wire open. Milliseconds. */
export const wireGraceMs = 200;

/** How long the last output of an ended process is waited for. Milliseconds. */
export const outputGraceMs = 500;

/** Lateness of an app's event loop from which it counts as busy; ordinary turns and garbage collections take less. Milliseconds. */
export const busyLagMs = 20;

/** Share of a core from which an instance counts as busy: its event loop alone uses hardly more. Part of 1. */
export const busyCpuShare = 0.85;

/** Requests with an instance from which it can be busy: one alone would gain nothing from another instance. Count. */
export const busyRunningMin = 2;

/** How long all instances must be busy before another one is started; a burst is over by then. Milliseconds. */
export const busyMsMin = 300;

/** Share of a core that an instance is meant to use when it is decided whether one fewer is enough. Part of 1. */
export const cpuShareWanted = 0.5;

/** The same for its `concurrencyMax`. Part of 1. */
export const roomShareWanted = 0.5;

/** How long one instance fewer must have been enough before one is given back: load comes in waves. Milliseconds. */
export const surplusMsMin = 30_000;

/** A tick that comes later than so many says something about the node, and nothing about its apps. Count. */
export const lateTicksMax = 3;

/** How long an edge in a process of its own keeps an instance that it has nothing open on; the node sees no idle time before. Milliseconds. */
export const leaseIdleMs = 250;

/** Part of the node's memory from which room is made before anybody needs it: an app that grows by 100 MiB a second leaves time for some steps. Part of 1. */
export const shortShare = 0.9;

/** Part of the node's memory at which making room ends, well below its beginning, so that it does not begin anew at once. Part of 1. */
export const calmShare = 0.8;

/** Share of the time that some work waited for memory from which room is made. Part of 1. */
export const somePressureMax = 0.1;

/** Share of the time that all work waited for memory from which the machine suffers. Part of 1. */
export const fullPressureMax = 0.05;

/** Pressure counts only while less than this is left of the machine's memory: with more it is about something else. Part of 1. */
export const scarceShare = 0.25;

/** The least part of the reserve that the machine should have left, whatever the budget says. Part of 1. */
export const availableShareMin = 0.5;

/** Idle time before an instance is frozen early to make room: a client that asks again soon has done so. Milliseconds. */
export const freezeIdleMsMin = 1000;

/** Idle time before an instance is stopped to make room, unless the machine suffers: starting it anew costs more than it gives. Milliseconds. */
export const stopIdleMsMin = 5000;

/** Idle time from which an app that keeps its memory makes way for a start that finds none, rather than have that refused. Milliseconds. */
export const keepIdleMsMin = 60_000;

/** With less in RAM an instance is not worth paging or stopping. Bytes. */
export const reliefBytesMin = 1024 * 1024;

/** What a version is expected to take that has not run yet; a small app takes half. Bytes. */
export const startBytesExpected = 32 * 1024 * 1024;

/** Age below which a process is expected to need what the one before it took, though it has not yet. Milliseconds. */
export const youngMs = 60_000;

/** How often the memory of the machine is looked at. Three small files. Milliseconds. */
export const memoryLookMs = 1000;

/** How long a look at an instance that runs counts, while memory is not short. Milliseconds. */
export const memoryFreshMs = 5000;

/** The same for the node's own processes and PostgreSQL. Milliseconds. */
export const othersFreshMs = 10_000;

/** Instances looked at in one turn, half a millisecond of CPU each: 1 % of a core with twenty. Count. */
export const samplesPerLookMax = 20;

/** Steps to make room in one turn; more when the next look says so. Count. */
export const reliefStepsMax = 50;

/** How long it is waited until an instance has frozen or a stopped one has ended, before the next step. Milliseconds. */
export const reliefWaitMs = 1000;

/**
 * Of the memory that an instance had before it was paged, the part that may stay in RAM when it is to be paged again: a wake
 * touches 1.4 to 2.4 MiB, 7 % of an app with 26, which the next one would touch too. With less than 15 it is more. Part of 1.
 */
export const workingSetShareMax = 0.1;

/** How long it is waited until an instance is paged, before the next step; a gigabyte to a slow disk takes longer. Milliseconds. */
export const pageWaitMs = 5000;

/** Messages about holders that one process is heard with at once in a tick; its next one says all that has changed since. Count. */
export const lifecycleMessagesPerTickMax = 10;

/** Holders of one instance that are shown; the oldest say most. Count. */
export const holdersShownMax = 20;

/** Beyond the time that an app's hooks may take, which its own process keeps: an event loop that is stuck says nothing. Milliseconds. */
export const settlingGraceMs = 1000;

/** Files of an artifact that a spare is given as links, some 10 µs each; an app with more is started without a spare. Count. */
export const filesLinkedMax = 128;
