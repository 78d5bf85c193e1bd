/** Payload of one frame; also the largest piece of a body that travels at once. Fits a head of the largest size. Bytes. */
export const framePayloadBytesMax = 128 * 1024;

/** Body bytes one side may send on a stream before the other has taken them. Enough to keep a fast link busy for a turn. Bytes. */
export const streamWindowBytes = 256 * 1024;

/** Body bytes per DATA frame, so that streams share the wire fairly. Bytes. */
export const dataBytesMax = 64 * 1024;

/** Unsent bytes on a wire beyond which no more body bytes are accepted; heads still are. Bytes. */
export const wireBacklogBytesMax = 1024 * 1024;

/** Streams open at once on one wire; a stream id has 16 bits for its slot. Count. */
export const streamsMax = 65_535;

/** A control message (JSON) such as `load`; the largest holds an app's environment. Bytes. */
export const controlBytesMax = 128 * 1024;

/** Bytes of the error text in a RESET frame; more is cut. Bytes. */
export const resetTextBytesMax = 4096;
