/** A body known to be shorter travels in the same frame as its head. Bytes. */
export const inlineBodyBytesMax = 64 * 1024;

/** Room in a response's head for the lines that the runner adds to the app's own. Bytes. */
export const addedLinesBytesMax = 1024;

/** Lines of one console call that get the request's id in front; a longer print is rare and costs a copy each. Count. */
export const taggedLinesMax = 10_000;

/** Answer of the server behind a WebSocket to its handshake; a header that the app adds may be long. Bytes. */
export const handshakeAnswerBytesMax = 64 * 1024;
