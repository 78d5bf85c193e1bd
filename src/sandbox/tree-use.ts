/**
 * What a process and its descendants take up, for machines without cgroups: walked through /proc, so one that has left
 * its parent is not found, and what no process has mapped is looked for apart.
 */
import { readFileSync } from "node:fs";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { descriptorsPerLookMax } from "./limits.ts";
import { childrenOf } from "./process-facts.ts";

export interface TreeUse {
  /** Private and shared memory, and what is swapped out. Bytes. */
  memoryBytes: number;
  /** Processes and threads. Count. */
  processes: number;
  /** The processes that were looked at, parents first. */
  pids: number[];
}

/**
 * Looks at a process and its descendants; takes some 50 microseconds for each.
 *
 * @param processesMax where to stop: more are not looked at. Count.
 * @returns null when the process is gone
 */
export function treeUse(pid: number, processesMax: number): TreeUse | null {
  const pids = [pid];
  const use: TreeUse = { memoryBytes: 0, processes: 0, pids };
  for (let at = 0; at < pids.length && at <= processesMax; at++) {
    const one = useOf(pids[at]!);
    if (one === null && at === 0) return null;
    use.memoryBytes += one?.memoryBytes ?? 0;
    use.processes += one?.threads ?? 0;
    if (pids.length <= processesMax) pids.push(...childrenOf(pids[at]!));
  }
  return use;
}

/**
 * Memory that processes hold and that shows in none of them: files in memory that are open and not mapped, as far as they
 * have so many descriptors, and segments of System V. Buffers of sockets are not among it: the kernel does not say whose
 * they are.
 *
 * @returns bytes. Never rejects.
 */
export async function unmappedBytes(pids: readonly number[]): Promise<number> {
  const files = new Map<string, number>();
  for (const pid of pids) await addMemoryFiles(pid, files);
  const segments = parseSegments(await textOf("/proc/sysvipc/shm"));
  const own = segments.filter(({ creatorPid }) => pids.includes(creatorPid));
  const bytes = [...files.values(), ...own.map((segment) => segment.bytes)];
  return bytes.reduce((sum, one) => sum + one, 0);
}

/** The text of /proc/sysvipc/shm: what a segment has in RAM and in swap. Pure. */
function parseSegments(text: string): { creatorPid: number; bytes: number }[] {
  const [head = "", ...lines] = text.split("\n");
  const names = head.trim().split(/\s+/);
  const [creator, ram, swap] = ["cpid", "rss", "swap"].map((name) => names.indexOf(name));
  return lines
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((fields) => fields.length === names.length)
    .map((fields) => ({ creatorPid: fields[creator!]!, bytes: fields[ram!]! + fields[swap!]! }));
}

function useOf(pid: number): { memoryBytes: number; threads: number } | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    const kilobytes =
      fieldOf(status, "RssAnon") + fieldOf(status, "RssShmem") + fieldOf(status, "VmSwap");
    return { memoryBytes: kilobytes * 1024, threads: fieldOf(status, "Threads") };
  } catch {
    return null;
  }
}

function fieldOf(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}

/** Files in memory by device and number, so that one that several have open counts once. */
async function addMemoryFiles(pid: number, files: Map<string, number>): Promise<void> {
  try {
    const descriptors = await readdir(`/proc/${pid}/fd`);
    for (const descriptor of descriptors.slice(0, descriptorsPerLookMax)) {
      const path = `/proc/${pid}/fd/${descriptor}`;
      // What memfd_create has made is called so whatever its name.
      if (!(await readlink(path)).startsWith("/memfd:")) continue;
      const { dev, ino, blocks } = await stat(path);
      files.set(`${dev}:${ino}`, blocks * 512);
    }
  } catch {
    // It has ended, or closed the file.
  }
}

async function textOf(path: string): Promise<string> {
  return await readFile(path, "latin1").catch(() => "");
}
