/**
 * A cgroup: the kernel's own list of the processes of one instance. Whatever a process of it starts is in it too, with
 * any session, parent, environment or name, and no way out; so it can be limited, counted, frozen and ended as a whole.
 *
 *   made ──join()──▶ in use ──kill()──▶ empty ──remove()──▶ gone
 *
 * It may consist of several folders, one for each tree of the kernel that has a part of it.
 */
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CgroupCpu,
  type CgroupHeld,
  type CgroupLimits,
  type CgroupRead,
  type CgroupWrite,
  type Controller,
  cpuV1,
  cpuV2,
  memoryV1,
  memoryV2,
  pids,
} from "./cgroup-controllers.ts";
import type { CgroupPower } from "./cgroup-layout.ts";
import { cgroupEmptyRoundMs, cgroupEmptyRoundsMax } from "./limits.ts";
import { killProcess } from "./process-group.ts";

/** One folder of a group. */
export interface CgroupFolder {
  version: 1 | 2;
  path: string;
  powers: readonly CgroupPower[];
}

export class Cgroup {
  readonly #folders: readonly CgroupFolder[];

  /** @param folders exist; they are this group's until `remove`. */
  constructor(folders: readonly CgroupFolder[]) {
    this.#folders = folders;
  }

  /** What it can do. */
  has(power: CgroupPower): boolean {
    return this.#with(power) !== undefined;
  }

  /**
   * Files that take in a process: its pid, or `0` for the one that writes. The first write of a while takes the kernel
   * some milliseconds, in which the writing thread sleeps.
   */
  get procsFiles(): string[] {
    return this.#folders.map(({ path }) => join(path, "cgroup.procs"));
  }

  /** Takes in a process with all its threads; what it has started before stays where it is. Rejects when it cannot. */
  async join(pid: number): Promise<void> {
    // Not by this thread, which has requests to serve.
    for (const file of this.procsFiles) await writeFile(file, String(pid), { flag: "r+" });
  }

  /** @returns limits that the kernel has refused, as `file: reason`. */
  limit(limits: CgroupLimits): string[] {
    const refused: string[] = [];
    for (const { version, path, powers } of this.#folders) {
      for (const power of powers) {
        for (const [file, text] of writesFor(power, version, limits)) {
          const problem = put(join(path, file), text);
          // Without swap accounting, or TCP accounting, the file is not there.
          if (problem !== null && problem !== "ENOENT") refused.push(`${file}: ${problem}`);
        }
      }
    }
    return refused;
  }

  /** What the kernel says it holds the group to. */
  held(): CgroupHeld {
    const of = (power: CgroupPower) => {
      const folder = this.#with(power);
      if (folder === undefined) return null;
      return controllerOf(power, folder.version)?.held(readsIn(folder.path)) ?? null;
    };
    return { memoryBytesMax: of("memory"), cpuCoresMax: of("cpu"), processesMax: of("pids") };
  }

  /** Memory that only its end gives back. Bytes; null when it is not counted. */
  memoryBytes(): number | null {
    const folder = this.#with("memory");
    if (folder === undefined) return null;
    return (folder.version === 1 ? memoryV1 : memoryV2).bytes(readsIn(folder.path));
  }

  /** Processes that the kernel has ended for want of memory. Count. */
  oomKills(): number {
    const folder = this.#with("memory");
    if (folder === undefined) return 0;
    return (folder.version === 1 ? memoryV1 : memoryV2).oomKills(readsIn(folder.path));
  }

  /** Null when it is not counted. */
  cpu(): CgroupCpu | null {
    const folder = this.#with("cpu");
    if (folder === undefined) return null;
    return (folder.version === 1 ? cpuV1 : cpuV2).read(readsIn(folder.path));
  }

  /** Processes and threads that were refused so far. Count; null when nothing is. */
  processesRefused(): number | null {
    const folder = this.#with("pids");
    return folder === undefined ? null : pids.refused(readsIn(folder.path));
  }

  /** Processes and threads. Count; null when they are not counted. */
  processes(): number | null {
    const folder = this.#with("pids");
    return folder === undefined ? null : pids.count(readsIn(folder.path));
  }

  /** Hands so much of its memory to swap, and drops copies of files. Blocks meanwhile. @returns whether all of it was */
  reclaim(bytes: number): boolean {
    const folder = this.#with("memory");
    if (folder?.version !== 2) return false;
    return put(join(folder.path, "memory.reclaim"), String(bytes)) === null;
  }

  /** Whether what is frozen can still be ended: a process that version 1 has frozen does not die. */
  get isFreezable(): boolean {
    return this.#with("freezer")?.version === 2;
  }

  /** Stops every process of it where it stands, in a moment. Returns whether the kernel takes care of that. */
  freeze(): boolean {
    return this.#setFrozen(true);
  }

  /** Lets them go on. */
  thaw(): boolean {
    return this.#setFrozen(false);
  }

  /** Its processes, also those of groups below it. */
  pids(): number[] {
    const found = new Set<number>();
    for (const { path } of this.#folders) addPids(path, found);
    return [...found];
  }

  /** Ends every process of it at once, frozen or not. Twice is safe. */
  kill(): void {
    const freezer = this.#with("freezer");
    if (freezer?.version === 2 && put(join(freezer.path, "cgroup.kill"), "1") === null) return;
    // Frozen first, so that none of them can start another while they are ended one by one.
    this.freeze();
    for (const pid of this.pids()) killProcess(pid);
    // A frozen process of version 1 does not even die.
    this.thaw();
  }

  /** Ends what is in it, and removes it. Never rejects: what is left is tried again when a node starts. Twice is safe. */
  async remove(): Promise<void> {
    for (let round = 0; round < cgroupEmptyRoundsMax; round++) {
      if (this.#folders.every(({ path }) => removeFolder(path))) return;
      this.kill();
      await Bun.sleep(cgroupEmptyRoundMs);
    }
  }

  #setFrozen(isFrozen: boolean): boolean {
    const freezer = this.#with("freezer");
    if (freezer === undefined) return false;
    const [file, text] =
      freezer.version === 1
        ? ["freezer.state", isFrozen ? "FROZEN" : "THAWED"]
        : ["cgroup.freeze", isFrozen ? "1" : "0"];
    return put(join(freezer.path, file), text) === null;
  }

  #with(power: CgroupPower): CgroupFolder | undefined {
    return this.#folders.find(({ powers }) => powers.includes(power));
  }
}

function writesFor(power: CgroupPower, version: 1 | 2, limits: CgroupLimits): CgroupWrite[] {
  return controllerOf(power, version)?.limit(limits) ?? [];
}

/** Null for a power without limits. */
function controllerOf(power: CgroupPower, version: 1 | 2): Controller | null {
  if (power === "memory") return version === 1 ? memoryV1 : memoryV2;
  if (power === "cpu") return version === 1 ? cpuV1 : cpuV2;
  return power === "pids" ? pids : null;
}

function readsIn(path: string): CgroupRead {
  return (file) => {
    try {
      return readFileSync(join(path, file), "latin1");
    } catch {
      return null;
    }
  };
}

/** Writes to a file of the kernel's. Returns null, or why it was refused. */
export function put(path: string, text: string): string | null {
  try {
    writeFileSync(path, text, { flag: "r+" });
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

function addPids(path: string, found: Set<number>): void {
  const text = readsIn(path)("cgroup.procs") ?? "";
  for (const line of text.split("\n")) if (line !== "") found.add(Number(line));
  for (const below of foldersIn(path)) addPids(below, found);
}

/** Removes a group's folder with those below it. Returns whether it is gone. */
function removeFolder(path: string): boolean {
  try {
    for (const below of foldersIn(path)) removeFolder(below);
    rmdirSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function foldersIn(path: string): string[] {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  } catch {
    return [];
  }
}
