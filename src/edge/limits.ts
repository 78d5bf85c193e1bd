/** Bytes of later requests kept while one is being answered; the client waits beyond that. Bytes. */
export const pipelinedBytesMax = 64 * 1024;

/** Connections open at once; each costs some kilobytes. Count. */
export const connectionsMax = 20_000;

/** Descriptors that are kept from connections, unless half of all are fewer: three for each of a thousand instances. Count. */
export const openFilesRoom = 4096;

/** Connections beyond those that are served that are told so before they are closed; more are closed without a word. Count. */
export const refusalsMax = 256;

/** Silence on a connection between two requests; longer than the 60 s common in front of it. Milliseconds. */
export const keepAliveTimeoutMs = 75_000;

/** Silence after which the kernel asks whether a client is still there; a tunnel has no other deadline. Milliseconds. */
export const keepAliveProbeMs = 60_000;

/** From the first byte of a request's head to its last. Milliseconds. */
export const headTimeoutMs = 15_000;

/** After a last answer, how long the rest of what the client sends is read away; closing at once could cost it the answer. Milliseconds. */
export const lingerTimeoutMs = 2000;

/** Silence of a client that does not read its answer, where no app's `streamIdleMs` says otherwise. Milliseconds. */
export const clientIdleTimeoutMs = 60_000;

/** Bytes of an unread request body that are read away to keep a connection; beyond that it is closed. Bytes. */
export const unreadBodyBytesMax = 256 * 1024;

/** How long a half-closed client may wait for its answer before something is sent to learn whether it is there. Milliseconds. */
export const halfCloseProbeMs = 500;

/** What a client is told to wait after a 503 that another try may cure. Seconds. */
export const retryAfterS = 1;

/** Ids that are made at once; one random draw and a few microseconds. Count. */
export const traceBatchMax = 64;

/** All hooks that are waited for before a request goes on, or before its answer does, together; longer, and the client would take the node for slow. Milliseconds. */
export const hookTimeoutMs = 5000;

/** Header bytes that hooks may set on one head; with the largest head and a body in the same frame it must fit. Bytes. */
export const hookLinesBytesMax = 8 * 1024;

/** Body of an answer that a hook gives. Bytes. */
export const hookAnswerBytesMax = 64 * 1024;

/** Time between two lines to the operator about the same failing hook. Milliseconds. */
export const hookNoteIntervalMs = 60_000;

/** Body bytes that are sent from where the wire has put them; for fewer, copying them behind their head is cheaper. Bytes. */
export const movedBytesMin = 2048;

/** Pieces of a body that came together and leave with one write; with one more piece they fit the scratch. Bytes. */
export const batchBytesMax = 128 * 1024;
