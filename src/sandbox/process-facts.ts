/** What the kernel says about a process, read from /proc. */
import { readdirSync, readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { processCpuUs } from "./libc.ts";

/** Unit of CPU times in /proc, the same on every Linux that Bun runs on. Milliseconds. */
const tickOfCpuMs = 10;

/**
 * Memory that is the process's own: anonymous and shared-anonymous pages, without what it shares with every Bun.
 *
 * @returns bytes, or null when the process is gone.
 */
export function privateMemoryBytes(pid: number): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return (kilobytes(status, "RssAnon") + kilobytes(status, "RssShmem")) * 1024;
  } catch {
    return null;
  }
}

/**
 * When the process started, in clock ticks since boot: with the pid it names one process for good, since pids are used
 * again.
 *
 * @returns null when the process is gone.
 */
export function processStartTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; the fields after it are numbers.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  } catch {
    return null;
  }
}

/** Whether it has ended, also when nobody has waited for it yet. */
export function hasEnded(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return "ZX".includes(stat[stat.lastIndexOf(")") + 2]!);
  } catch {
    return true;
  }
}

/**
 * CPU time the process has used, its threads together, without its children.
 *
 * @returns milliseconds, in steps of 10; null when the process is gone.
 */
export function processCpuMs(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * tickOfCpuMs;
  } catch {
    return null;
  }
}

/**
 * Processes by the value of a variable they were started with: an app's children have what the app was started with, also
 * those that left its process group, unless they were given another environment.
 *
 * @throws when a process that is there cannot be looked at, as with no descriptor left
 */
export async function pidsByVariable(name: string): Promise<Map<string, number[]>> {
  const pids = new Map<string, number[]>();
  for (const file of await readdir("/proc")) {
    if (!/^[0-9]+$/.test(file)) continue;
    const value = valueIn(await environmentOf(file), name);
    if (value === null) continue;
    const others = pids.get(value);
    if (others === undefined) pids.set(value, [Number(file)]);
    else others.push(Number(file));
  }
  return pids;
}

/** Empty when the process is gone or not ours to look at. */
async function environmentOf(pid: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/environ`, "utf8");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) return "";
    throw error;
  }
}

function valueIn(environment: string, name: string): string | null {
  const entry = environment.split("\0").find((line) => line.startsWith(`${name}=`));
  return entry === undefined ? null : entry.slice(name.length + 1);
}

/** Length of a tick in /proc/<pid>/stat: 100 Hz wherever Linux runs. Microseconds. */
const tickUs = 10_000;

export interface ProcessTime {
  /** CPU time, user and system, of all threads. Microseconds. */
  ownUs: number;
  /** That of children that have ended. Microseconds, in steps of 10,000. */
  endedChildrenUs: number;
}

/** CPU time of a process since it began; null when it is gone. */
export function processTime(pid: number): ProcessTime | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // cutime and cstime are fields 16 and 17; the name in parentheses may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ownUs = processCpuUs(pid);
    if (ownUs === null) return null;
    return { ownUs, endedChildrenUs: (Number(fields[13]) + Number(fields[14])) * tickUs };
  } catch {
    return null;
  }
}

/** All memory that a process has in RAM, also what it shares. Bytes, or null when it is gone. */
export function residentMemoryBytes(pid: number): number | null {
  try {
    return kilobytes(readFileSync(`/proc/${pid}/status`, "latin1"), "VmRSS") * 1024;
  } catch {
    return null;
  }
}

/** Open file descriptors of a process, or null when it is gone. Count. */
export function descriptorCount(pid: number): number | null {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return null;
  }
}

/** Processes that a process has started and that have not ended; none when it is gone. */
export function childrenOf(pid: number): number[] {
  try {
    const lists = readdirSync(`/proc/${pid}/task`).map((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "latin1").trim(),
    );
    return lists
      .join(" ")
      .split(" ")
      .filter((child) => child !== "")
      .map(Number);
  } catch {
    return [];
  }
}

/** Names this run of the machine: a pid noted in another one says nothing. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

function kilobytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
}
