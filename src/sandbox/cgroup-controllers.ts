/**
 * The two versions of the kernel's interface, as texts: which file takes which limit, and what the files say. Pure.
 *
 * What is counted as an app's memory is what the kernel cannot take back by dropping a copy of a file: its own pages,
 * shared memory (memfd, SysV and the like), what is swapped out, and what the kernel holds for it, such as the buffers of
 * its sockets. Pages of files it has read are not its own.
 */

/** What a group may use. */
export interface CgroupLimits {
  /** Beyond it the kernel ends a process of the group. Bytes. */
  memoryBytesMax: number;
  /** Time on processors. Cores; 0 = as much as is free. */
  cpuCoresMax: number;
  /** Processes and threads. Count. */
  processesMax: number;
}

/** What the kernel says it holds a group to; null: not held. */
export type CgroupHeld = { [Limit in keyof CgroupLimits]: number | null };

/** Time on processors, since the group was made. */
export interface CgroupCpu {
  /** Spans of 100 ms in which the group had something to do. Count. */
  periods: number;
  /** Those in which it was held back. Count. */
  throttled: number;
}

/** Writes in their order. Each stands for itself: one that is refused does not undo the others. */
export type CgroupWrite = readonly [file: string, text: string];

/** Reads a file of the group; null when it is not there. */
export type CgroupRead = (file: string) => string | null;

/** One version's way to one power. */
export interface Controller {
  limit(limits: CgroupLimits): CgroupWrite[];
  /** The one of the limits that it holds; null: none. */
  held(read: CgroupRead): number | null;
}

/** Span over which a share of processors is measured: the kernel's default. Microseconds. */
const periodUs = 100_000;
/** The kernel refuses less in one span. Microseconds. */
const quotaUsMin = 1000;

export const memoryV1 = {
  limit({ memoryBytesMax }) {
    const bytes = String(memoryBytesMax);
    return [
      ["memory.limit_in_bytes", bytes],
      // With swap it is counted together; without this file the machine does not count swap.
      ["memory.memsw.limit_in_bytes", bytes],
      ["memory.kmem.tcp.limit_in_bytes", bytes],
    ];
  },
  held(read) {
    const bytes = bound(read("memory.limit_in_bytes"));
    // It writes no limit as the largest number of whole pages.
    return bytes === null || bytes > Number.MAX_SAFE_INTEGER ? null : bytes;
  },
  /** Bytes, or null when the group is gone. */
  bytes(read: CgroupRead): number | null {
    const stat = read("memory.stat");
    if (stat === null) return null;
    // What the kernel holds for it is one sum there, with copies that it can drop: left to the limit, which drops them.
    return entry(stat, "total_rss") + entry(stat, "total_shmem") + entry(stat, "total_swap");
  },
  /** Processes of it that the kernel has ended for want of memory. Count. */
  oomKills: (read: CgroupRead) => entry(read("memory.oom_control") ?? "", "oom_kill"),
} as const satisfies Controller & Record<string, unknown>;

export const memoryV2 = {
  limit({ memoryBytesMax }) {
    const bytes = String(memoryBytesMax);
    return [
      ["memory.max", bytes],
      // So that paging can take all of it; the watch counts both together.
      ["memory.swap.max", bytes],
      // Half an app is of no use.
      ["memory.oom.group", "1"],
    ];
  },
  held: (read) => bound(read("memory.max")),
  bytes(read: CgroupRead): number | null {
    const stat = read("memory.stat");
    if (stat === null) return null;
    const pages = entry(stat, "anon") + entry(stat, "shmem");
    const kernel = Math.max(0, entry(stat, "kernel") - entry(stat, "slab_reclaimable"));
    return pages + kernel + entry(stat, "sock") + number(read("memory.swap.current"));
  },
  oomKills: (read: CgroupRead) => entry(read("memory.events") ?? "", "oom_kill"),
} as const satisfies Controller & Record<string, unknown>;

export const cpuV1 = {
  limit({ cpuCoresMax }) {
    return [
      ["cpu.cfs_period_us", String(periodUs)],
      ["cpu.cfs_quota_us", cpuCoresMax === 0 ? "-1" : String(quotaUs(cpuCoresMax))],
    ];
  },
  held: (read) => coresOf(read("cpu.cfs_quota_us"), read("cpu.cfs_period_us")),
  read: cpuStat,
} as const satisfies Controller & Record<string, unknown>;

export const cpuV2 = {
  limit({ cpuCoresMax }) {
    return [["cpu.max", `${cpuCoresMax === 0 ? "max" : quotaUs(cpuCoresMax)} ${periodUs}`]];
  },
  held(read) {
    const [quota = null, period = null] = read("cpu.max")?.trim().split(" ") ?? [];
    return coresOf(quota, period);
  },
  read: cpuStat,
} as const satisfies Controller & Record<string, unknown>;

/** The same in both versions. */
export const pids = {
  limit: ({ processesMax }) => [["pids.max", String(processesMax)]],
  held: (read) => bound(read("pids.max")),
  /** Processes that were refused. Count. */
  refused: (read: CgroupRead) => entry(read("pids.events") ?? "", "max"),
  /** Processes and threads; null when the group is gone. Count. */
  count(read: CgroupRead): number | null {
    const text = read("pids.current");
    return text === null ? null : number(text);
  },
} as const satisfies Controller & Record<string, unknown>;

function quotaUs(cores: number): number {
  return Math.max(quotaUsMin, Math.round(cores * periodUs));
}

function coresOf(quota: string | null, period: string | null): number | null {
  const us = bound(quota);
  return us === null ? null : us / Number(period);
}

/** Null for `max`, for -1 and for a file that is not there. */
function bound(text: string | null): number | null {
  const value = text === null ? Number.NaN : Number.parseInt(text, 10);
  return value >= 0 ? value : null;
}

function cpuStat(read: CgroupRead): CgroupCpu | null {
  const stat = read("cpu.stat");
  if (stat === null) return null;
  return { periods: entry(stat, "nr_periods"), throttled: entry(stat, "nr_throttled") };
}

/** The number after a name at the beginning of a line; 0 when there is none. */
function entry(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

function number(text: string | null): number {
  return text === null ? 0 : Number(text);
}
