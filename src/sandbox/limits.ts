/** Memory that the node, its PostgreSQL, a small build and a few apps need together. Bytes. */
export const memoryBytesEnough = 512 * 1024 * 1024;

/** Two for each of some thousand connections, and what the node has open itself. Count. */
export const openFilesEnough = 16_384;
