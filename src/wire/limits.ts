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
