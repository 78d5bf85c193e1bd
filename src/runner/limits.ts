/** A body known to be shorter travels in the same frame as its head. Bytes. */
export const inlineBodyBytesMax = 64 * 1024;

/** Room in a response's head for the lines that the runner adds to the app's own. Bytes. */
export const addedLinesBytesMax = 1024;

/** Lines of one console call that get the request's id in front; a longer print is rare and costs a copy each. Count. */
export const taggedLinesMax = 10_000;

/** Answer of the server behind a WebSocket to its handshake; a header that the app adds may be long. Bytes. */
export const handshakeAnswerBytesMax = 64 * 1024;

/** Making the runner's bundle, which takes a tenth of a second. Milliseconds. */
export const bundleTimeoutMs = 30_000;

/** Bundles of another version stay so long: a process of another checkout may be about to run one. Milliseconds. */
export const bundleKeptMs = 24 * 60 * 60 * 1000;
/** Header lines of a Response that are taken from what it was made of; more are asked for. Count. */
export const knownLinesMax = 16;

/** A line with the size of a chunk in what a server of node:http answers; extensions are not used by any. Bytes. */
export const answerChunkLineBytesMax = 1024;

/** Trailers of an answer, which are read over. Bytes. */
export const answerTrailerBytesMax = 16 * 1024;

/** Connections to an app's own server that wait for the next request; more are closed. Count. */
export const nodeConnectionsIdleMax = 64;

/** How long an app that listens, but not on PORT, is given to listen on PORT too before its only server is taken. Milliseconds. */
export const otherPortGraceMs = 250;

/** How long an app with several servers, none of them on PORT, is given to listen there after all. Milliseconds. */
export const severalServersGraceMs = 5000;

/** Servers of node:http that one process may have at once; each takes a path. Count. */
export const nodeServersMax = 64;

/** How long the entry of an app that listens may still run before it is taken to have no handler beside. Milliseconds. */
export const entryGraceMs = 250;

/** Until requests that an app's own server has not accepted are sent again. Milliseconds. */
export const retryMs = 5;

/** So many of them at once; the kernel holds some hundred connections for a server that is busy. Count. */
export const retriedAtOnceMax = 64;
