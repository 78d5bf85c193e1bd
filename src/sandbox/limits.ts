/** Memory that the node, its PostgreSQL, a small build and a few apps need together. Bytes. */
export const memoryBytesEnough = 512 * 1024 * 1024;

/** Two for each of some thousand connections, and what the node has open itself. Count. */
export const openFilesEnough = 16_384;

/** Processes of one app that are looked at when its memory is read; more are not counted, and 35 microseconds each. Count. */
export const processesPerLookMax = 64;

/** Part of the memory that a node leaves to the system by default: kernel, page cache, other services. Part of 1. */
export const reserveShare = 0.1;

/** The least it leaves: a small Debian with sshd takes about 150 MiB. Bytes. */
export const reserveBytesMin = 256 * 1024 * 1024;

/** The most it leaves: what a system needs besides does not grow with the machine. Bytes. */
export const reserveBytesMax = 2 * 1024 * 1024 * 1024;
