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

/** Servers of resolv.conf that the C library asks; its own bound. Count. */
export const nameServersMax = 3;

/** Wait for a name server when it is tried; a good one takes a fraction, and the C library waits five seconds. Milliseconds. */
export const nameServerTimeoutMs = 1500;

// --- cgroups ---

/** Looks at whether a group whose processes were ended is empty. Count. */
export const cgroupEmptyRoundsMax = 200;
/** Pause between two of these looks: the kernel takes a millisecond or two to end a process. Milliseconds. */
export const cgroupEmptyRoundMs = 5;
/** Version 1: weight of all apps together, for each processor; a process of the node has as much. Part of 1,024. */
export const sharesPerCore = 1024;
/** Version 2: weight of the node, which serves everybody, where all apps together have 100. Count, 1 to 10,000. */
export const nodeCpuWeight = 1000;

// --- paging ---

/** Memory of a process that is handed to swap in one go: what a woken app may have to share the kernel with. 3 ms. Bytes. */
export const pageSliceBytesMax = 1024 * 1024;

/** How long paging goes on before it looks whether it is still wanted. Milliseconds. */
export const pageTurnMs = 2;

/** Of what was handed over, the part that may be found in the swap cache afterwards without a second look at it. Part of 1. */
export const swapCachedShareMax = 0.25;

/** How long the disk is waited for, until it has what was handed over: 20 MB take 50 ms on an SSD. Milliseconds. */
export const writtenWaitMsMax = 1000;

/** Between two looks whether it has. Milliseconds. */
export const writtenLookMs = 20;

/** How often what the disk did not have in time is tried again. Count. */
export const writtenRoundsMax = 3;

/** How long the process that pages others stays when there is nothing to do: its start costs as much as paging a small app. Milliseconds. */
export const pagerIdleMs = 10_000;

/** Processes of one app that are paged out; more stay in RAM. Count. */
export const pagedProcessesMax = 64;

/** Swap that stays free for everything else on the machine. Bytes. */
export const swapReserveBytes = 64 * 1024 * 1024;

/** How long a look at the room in swap counts: many apps become due together. Milliseconds. */
export const swapLookMs = 1000;

/** How long a sleeping app waits for room in swap before it is looked at again: swap is seldom added to a machine. Milliseconds. */
export const swapWaitMs = 5 * 60_000;

/** How long nothing is paged after the process that does it has ended by itself. Milliseconds. */
export const pagerPauseMs = 60_000;

/** Size of a swap area in zram, as a share of RAM: idle apps together may have as much again as fits. Part of 1. */
export const zramSizeShare = 1;

/** RAM that its compressed pages may take: apps come to a quarter, and what cannot be compressed must not take all. Part of 1. */
export const zramMemoryShareMax = 0.5;

// --- without cgroups ---

/** Rounds of ending what a user has; as many processes as it may have can be started in one. Count. */
export const userRoundsMax = 50;

/** Descriptors of a process among which files in memory are looked for; 20 microseconds each. Count. */
export const descriptorsPerLookMax = 4096;

// --- disk ---

/** How often it is asked how full the disk is; a microsecond. Milliseconds. */
export const diskSampleMs = 500;
/** Files that are looked at at once when they are counted: as many as Bun has threads for it. Count. */
export const statsAtOnceMax = 16;

/** Length of a path from which folders are moved up before they are removed: names are up to 255, a path up to 4096. Bytes. */
export const openedPathBytesMax = 3000;

/** How often a process is asked whether it has ended, where the kernel does not say so by itself. Milliseconds. */
export const endPollMs = 50;
