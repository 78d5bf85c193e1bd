/** A body known to be shorter travels in the same frame as its head. Bytes. */
export const inlineBodyBytesMax = 64 * 1024;

/** Lines of one console call that get the request's id in front; a longer print is rare and costs a copy each. Count. */
export const taggedLinesMax = 10_000;

/** How long the app may take, after its module has run, to call Bun.serve while it still has something to wait for. Milliseconds. */
export const handlerWaitMs = 600_000;
