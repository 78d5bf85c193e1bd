/** Counted load of one scenario when nothing says otherwise. Milliseconds. */
export const durationMsDefault = 10_000;

/** Load before it that is not counted: Bun compiles what is hot within the first second or two. Milliseconds. */
export const warmUpMsDefault = 2_000;

/** Connections that ask at once when nothing says otherwise. Count. */
export const concurrencyDefault = 50;

/** Instances at once in the node that is measured; what a node has by default. Count. */
export const poolSizeDefault = 100;

/** Until an answer counts as a time-out. Milliseconds. */
export const clientTimeoutMsDefault = 10_000;

/** Apps of `many-apps`: ten times the pool, so that most of them cannot run. Count. */
export const appsDefault = 1_000;

/** Beyond it, writing them to disk takes longer than measuring. Count. */
export const appsLargest = 10_000;

/** As many as a node may have. Count. */
export const edgesLargest = 64;

/** A soak of a day. Milliseconds. */
export const durationMsLargest = 86_400_000;

/** Rounds beyond it say nothing new. Count. */
export const repeatLargest = 100;

/** Rounds when two checkouts are compared: with fewer, chance alone puts all of them on one side too often. Count. */
export const comparedRoundsDefault = 5;

/** A difference of rates below it is nobody's concern, however certain it is. Percent. */
export const tolerancePercentDefault = 5;

/** Requests at once of `ephemeral-noop`, as many as an ephemeral app runs by default. Count. */
export const ephemeralConcurrencyMax = 10;

/** Requests at once of `stream-1mb`: more are more of the same bytes in other buffers. Count. */
export const streamConcurrencyMax = 10;

/** Cold starts or wakes that are measured at least, however short the time is. Count. */
export const shotsMin = 5;

/** How long one of two sides is counted before it is the other's turn: shorter than most of what disturbs a machine. Milliseconds. */
export const turnMs = 200;

/** The same where answers take tens of milliseconds or more: the last ones of a turn are not counted. Milliseconds. */
export const slowTurnMs = 1_000;

/** Until the process that is measured listens; it starts in a tenth of a second. Milliseconds. */
export const targetStartTimeoutMs = 20_000;

/** Until that process has carried out a command, such as stopping an instance. Milliseconds. */
export const targetAnswerTimeoutMs = 20_000;

/** Until it is gone after it was told to stop; then it is killed. Milliseconds. */
export const targetStopTimeoutMs = 10_000;

/** Pause between two looks at an instance that is to stop or to freeze. Milliseconds. */
export const leverPollMs = 2;

/** How often memory and descriptors of the processes are read while they are under load. Milliseconds. */
export const holdingsSampleMs = 250;

/** Answers that are read to see whether an app does what it should. Bytes. */
export const probeBodyBytesMax = 4_194_304;

/** Tries to remove what a killed child may still write to, at our own end. Count. */
export const removeTriesMax = 50;

/** Pause between two of them. A killed process is gone within a few. Milliseconds. */
export const removePauseMs = 10;

/** Lines of an app's log that are shown when the app cannot be measured: a stack and what led to it. Count. */
export const logTail = 20;

/** Idle runners of `levain bench broker` when nothing says otherwise: those of a fleet of a few machines. Count. */
export const brokerControllersDefault = 500;

/** Dispatches at once when nothing says otherwise. Count. */
export const brokerDispatchersDefault = 50;

/** Deployments, versions and machines when nothing says otherwise. Count. */
export const brokerKeysDefault = 20;

/** Load before it is counted. Until a broker's code is compiled as it stays takes longer than for an edge: less of it is native. Milliseconds. */
export const brokerWarmUpMsDefault = 5_000;

/** A message without large outputs. Bytes. */
export const brokerPayloadBytesDefault = 2_048;

/** More than a broker takes by default. Bytes. */
export const brokerPayloadBytesLargest = 64 * 1024 * 1024;

/** Connections of one generator: its descriptors are bounded. Count. */
export const brokerConnectionsMax = 20_000;

/** Connections that are being opened at once, so that a listener's queue does not overflow and cost a second. Count. */
export const brokerOpeningsMax = 128;

/** Until all controllers have polled. Milliseconds. */
export const brokerOpenTimeoutMs = 30_000;

/** Least wait before a connection that failed is opened again. Milliseconds. */
export const brokerReopenPauseMs = 100;

/** Until a dispatch without an answer counts as failed: no broker holds one for longer by default. Milliseconds. */
export const brokerDispatchTimeoutMs = 30_000;

/** After the counted part, until what is under way has to have come. Milliseconds. */
export const brokerDrainMs = 2_000;
