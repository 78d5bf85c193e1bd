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
// --- cgroups ---

/** Looks at whether a group whose processes were ended is empty. Count. */
export const cgroupEmptyRoundsMax = 200;
/** Pause between two of these looks: the kernel takes a millisecond or two to end a process. Milliseconds. */
export const cgroupEmptyRoundMs = 5;
/** Version 1: weight of all apps together, for each processor; a process of the node has as much. Part of 1,024. */
export const sharesPerCore = 1024;
/** Version 2: weight of the node, which serves everybody, where all apps together have 100. Count, 1 to 10,000. */
export const nodeCpuWeight = 1000;
