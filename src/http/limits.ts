/** Request line and headers; larger than what browsers and proxies send by far, small enough for a frame. Bytes. */
export const headBytesMax = 32 * 1024;

/** Request target; the length that common servers accept. Bytes. */
export const targetBytesMax = 16 * 1024;

/** Header lines of a request; merging duplicates costs quadratic time in the app's process. Count. */
export const headerLinesMax = 200;

/** Size line of a chunk with its extensions. Bytes. */
export const chunkLineBytesMax = 4096;

/** Trailer section of a chunked body. Bytes. */
export const trailerBytesMax = 8192;

/** Texts that heads have in common and that are kept as strings: hosts, targets. A power of two. Count. */
export const internedMax = 1024;

/** Longer texts are seldom seen twice. Bytes. */
export const internedBytesMax = 96;
