/**
 * The memory of the machine as the node may use it: of the machine, or of the cgroup that the node is in when that has
 * less. Which cgroup bounds it is looked up once; the figures are read whenever they are asked for, in a few small files.
 */

import { dirname } from "node:path";
import { reserveBytesMax, reserveBytesMin, reserveShare } from "./limits.ts";
import { systemFiles } from "./system-files.ts";

/** How much of the time work waited for memory in the last ten seconds. */
export interface MemoryPressure {
  /** At least one task waited. Part of 1. */
  some: number;
  /** All tasks waited. Part of 1. */
  full: number;
}

export interface HostMemory {
  /** What there is to share out. Bytes. */
  totalBytes: number;
  /** What could be had without swapping. Bytes. */
  availableBytes: number;
  /** Room for pages that are moved out; 0 = none. Bytes. */
  swapTotalBytes: number;
  swapFreeBytes: number;
  /** RAM that pages moved out to zram take, compressed. Bytes; part of what is used. */
  zramBytes: number;
  /** Null when the kernel does not say. */
  pressure: MemoryPressure | null;
}

/** Text of a file of /proc or /sys, or null when it cannot be read. */
export type ReadText = (path: string) => string | null;

/** A cgroup that has a memory limit below the machine's. */
interface Bound {
  folder: string;
  version: 1 | 2;
  limitBytes: number;
}

export class HostMemoryReader {
  readonly #read: ReadText;
  readonly #bound: Bound | null;

  constructor(read: ReadText = systemFiles.read) {
    this.#read = read;
    const machineBytes = figure(read("/proc/meminfo"), "MemTotal") ?? 0;
    this.#bound = tightestBound(read, machineBytes);
  }

  /** Null without /proc/meminfo. */
  look(): HostMemory | null {
    const meminfo = this.#read("/proc/meminfo");
    const machineBytes = figure(meminfo, "MemTotal");
    const availableBytes = figure(meminfo, "MemAvailable");
    if (machineBytes === null || availableBytes === null) return null;
    const swapTotalBytes = figure(meminfo, "SwapTotal") ?? 0;
    return {
      totalBytes: this.#bound?.limitBytes ?? machineBytes,
      availableBytes: Math.min(availableBytes, this.#availableInBound()),
      swapTotalBytes,
      swapFreeBytes: figure(meminfo, "SwapFree") ?? 0,
      zramBytes: swapTotalBytes === 0 ? 0 : zramBytes(this.#read),
      pressure: this.#pressure(),
    };
  }

  #availableInBound(): number {
    if (this.#bound === null) return Number.POSITIVE_INFINITY;
    const { folder, version, limitBytes } = this.#bound;
    const [usage, cache] =
      version === 2
        ? ["memory.current", "inactive_file"]
        : ["memory.usage_in_bytes", "total_inactive_file"];
    const usedBytes = Number(this.#read(`${folder}/${usage}`) ?? 0);
    const stat = this.#read(`${folder}/memory.stat`) ?? "";
    // Files that were read and are not used: the kernel drops them as soon as it needs room.
    const cacheBytes = Number(new RegExp(`^${cache} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
    return Math.max(0, limitBytes - usedBytes + cacheBytes);
  }

  #pressure(): MemoryPressure | null {
    const own =
      this.#bound?.version === 2 ? this.#read(`${this.#bound.folder}/memory.pressure`) : null;
    return parsePressure(own ?? this.#read("/proc/pressure/memory"));
  }
}

/**
 * What a node leaves to the system when nobody says how much it may use: a tenth, between 256 MiB and 2 GiB, and never more
 * than half.
 */
export function reserveBytes(totalBytes: number): number {
  const share = Math.min(Math.max(totalBytes * reserveShare, reserveBytesMin), reserveBytesMax);
  return Math.floor(Math.min(share, totalBytes / 2));
}

/** The text of a PSI file. Pure. */
export function parsePressure(text: string | null): MemoryPressure | null {
  const share = (kind: string) => new RegExp(`^${kind} avg10=([\\d.]+)`, "m").exec(text ?? "")?.[1];
  const some = share("some");
  return some === undefined
    ? null
    : { some: Number(some) / 100, full: Number(share("full") ?? 0) / 100 };
}

/** The cgroup on the way from ours to the root that has the least, when that is less than the machine has. */
function tightestBound(read: ReadText, machineBytes: number): Bound | null {
  let tightest: Bound | null = null;
  for (const { folder, mount, version } of ownGroups(read)) {
    const file = version === 2 ? "memory.max" : "memory.limit_in_bytes";
    for (let at = folder; at.startsWith(mount); at = dirname(at)) {
      const limitBytes = Number(read(`${at}/${file}`)?.trim() ?? Number.NaN);
      // `max`, and a number larger than the machine, mean none.
      if (limitBytes > 0 && limitBytes < (tightest?.limitBytes ?? machineBytes)) {
        tightest = { folder: at, version, limitBytes };
      }
      if (at === mount) break;
    }
  }
  return tightest;
}

/** Folders of the cgroups that count this process's memory. */
function* ownGroups(read: ReadText): Iterable<Omit<Bound, "limitBytes"> & { mount: string }> {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n");
  for (const line of (read("/proc/self/mountinfo") ?? "").split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "", mount = ""] = before.split(" ");
    const [type, , options = ""] = after.split(" ");
    const isMemory = type === "cgroup" && options.split(",").includes("memory");
    if (!isMemory && type !== "cgroup2") continue;
    const pattern = isMemory ? /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/ : /^0::(.*)$/;
    const path = groups
      .map((group) => pattern.exec(group)?.[1])
      .find((found) => found !== undefined);
    if (path === undefined) continue;
    // In a container only the part below its own group may be mounted.
    const below = root !== "/" && path.startsWith(root) ? path.slice(root.length) : path;
    const folder = `${mount}${below === "/" ? "" : below}`;
    yield { folder, mount, version: isMemory ? 1 : 2 };
  }
}

/** Of all zram devices that are used as swap. */
function zramBytes(read: ReadText): number {
  const devices = (read("/proc/swaps") ?? "").matchAll(/^\/dev\/(zram\d+)\s/gm);
  let bytes = 0;
  for (const [, device] of devices) {
    const [, , usedBytes] = (read(`/sys/block/${device}/mm_stat`) ?? "").trim().split(/\s+/);
    bytes += Number(usedBytes ?? 0);
  }
  return bytes;
}

function figure(meminfo: string | null, name: string): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo ?? "")?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}
