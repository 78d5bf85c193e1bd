/** What a process holds: descriptors, memory and children, read from /proc. For soaks that look for leaks. */
import { readdirSync, readFileSync } from "node:fs";

export interface Holdings {
  fds: number;
  /** Resident memory. Bytes. */
  residentBytes: number;
  /** Processes below it, in any state. */
  descendants: number;
}

export function holdingsOf(pid: number): Holdings {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return {
    fds: readdirSync(`/proc/${pid}/fd`).length,
    residentBytes: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
    descendants: descendantsOf(pid).length,
  };
}

export interface ProcessFacts {
  pid: number;
  parentPid: number;
  /** One letter, as ps shows it; Z is a zombie. */
  state: string;
  command: string;
}

/** Every process of the machine that can be looked at. */
export function allProcesses(): ProcessFacts[] {
  const found: ProcessFacts[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      found.push({ pid: Number(name), state: fields[0]!, parentPid: Number(fields[1]), command });
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

export function descendantsOf(pid: number): ProcessFacts[] {
  const all = allProcesses();
  const found: ProcessFacts[] = [];
  const parents = [pid];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    for (const child of all) {
      if (child.parentPid !== parent) continue;
      found.push(child);
      parents.push(child.pid);
    }
  }
  return found;
}

/** `12.3 MiB` */
export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
