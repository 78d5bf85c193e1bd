/** Payload of one frame; also the largest piece of a body that travels at once. Fits the largest head with a short body. Bytes. */
export const framePayloadBytesMax = 128 * 1024;

/** Body bytes one side may send on a stream before the other has taken them. Enough to keep a fast link busy for a turn. Bytes. */
export const streamWindowBytes = 256 * 1024;

/** Body bytes per DATA frame, so that streams share the wire fairly; also the longest body that travels with its head. Bytes. */
export const dataBytesMax = 64 * 1024;

/** Header lines and reason of a response; with a short body they must fit a frame. Bytes. */
export const responseHeadBytesMax = 60 * 1024;

/** Unsent bytes on a wire beyond which no more body bytes are accepted; heads still are, one per open stream. Bytes. */
export const wireBacklogBytesMax = 1024 * 1024;

/** Streams open at once on one wire; more than any app may run at once. Count. */
export const streamsMax = 65_535;

/** A control message (JSON), whole; the largest is `load` with an app's environment. Bytes. */
export const controlBytesMax = 2 * 1024 * 1024;

/** Bytes of the error text in a RESET frame; more is cut. Bytes. */
export const resetTextBytesMax = 4096;

/** A writer's own buffer; the frames of an ordinary turn fit. Bytes. */
export const writerBytes = 64 * 1024;

/**
 * What has collected before the turn ends and leaves at once, so that the other side works meanwhile. Beyond what a
 * socket's buffer takes (208 KiB), or it would only be cut into more writes. Bytes.
 */
export const flushBytes = 256 * 1024;

/** A buffer for bodies on a wire; four of the largest DATA frames with their heads. Bytes. */
export const segmentBytes = 4 * (64 * 1024 + 4096);

/** Segments that stay for use again; more than a burst of large answers needs is given back. Count. */
export const segmentsKeptMax = 8;

/** Frames that are collected in a segment rather than in a buffer of their own. Bytes. */
export const partialSegmentBytesMin = 16 * 1024;

/** Room in front of a frame that was collected in a segment, for the head with which its body goes on. Bytes. */
export const partialHeadroomBytes = 1024;

/** Holders (`waitUntil`, `keepAwake`) of one process at once; more do not keep it awake. More than its requests at once. Count. */
export const holdersMax = 1000;

/** Characters of a holder's name that are kept. */
export const holderNameCharactersMax = 64;

/** Holders in one message, so that it fits a frame; the others follow when it was heard. Count. */
export const holdersPerMessageMax = 100;

/** How long `waitUntil` work may keep a process awake; mail, uploads and calls of slow services take less, forgotten promises do not. Milliseconds. */
export const waitUntilMsMax = 15 * 60_000;

/** How long one `keepAwake` may; who needs longer takes another. Milliseconds. */
export const keepAwakeMsMax = 60 * 60_000;

/** How long the `onStandby` hooks of an app may take together before it is frozen all the same. Milliseconds. */
export const standbyTimeoutMs = 2000;

/** How long the `onResume` hooks of an app may take together before a request is given to it all the same. Milliseconds. */
export const resumeTimeoutMs = 2000;

/** Hooks of each kind in one process; more come from registering one with every request. Count. */
export const lifecycleHooksMax = 100;
