/**
 * The cgroups of a node: finds out once, by trying, which kinds the node may make, and makes one for each instance.
 *
 * A killed node leaves groups behind, and perhaps processes in them. Where they are is noted in a file before the first is
 * made, so that the next node can end them however they hide.
 */

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Cgroup, type CgroupFolder, put } from "./cgroup.ts";
import {
  type CgroupParent,
  type CgroupPower,
  type CgroupSources,
  cgroupParents,
} from "./cgroup-layout.ts";
import { nodeCpuWeight, sharesPerCore } from "./limits.ts";
import { systemFiles } from "./system-files.ts";

export class Cgroups {
  readonly #folders: readonly CgroupFolder[];
  readonly #notePath: string;

  private constructor(folders: readonly CgroupFolder[], notePath: string) {
    this.#folders = folders;
    this.#notePath = notePath;
  }

  /**
   * Ends what a killed node left, then makes the node's own folders.
   *
   * @param notePath file of the data directory; absent when nothing is left behind
   * @returns null when the node may make no groups. Never throws.
   */
  static open(notePath: string, sources: CgroupSources = systemSources()): Cgroups | null {
    sweep(notePath);
    const name = `levain-${randomBytes(6).toString("hex")}`;
    const parents = cgroupParents(sources);
    if (parents.length === 0) return null;
    const noted = parents.map(({ path, ...rest }) => ({ ...rest, path: join(path, name) }));
    try {
      writeFileSync(notePath, JSON.stringify(noted), { mode: 0o600 });
    } catch {
      // What nobody could find again is not made.
      return null;
    }
    const folders = parents.flatMap((parent) => openParent(parent, name, sources) ?? []);
    const groups = new Cgroups(folders, notePath);
    if (folders.length > 0) return groups;
    void groups.close();
    return null;
  }

  /** What the kernel holds instances to, and by which version of its interface. */
  get powers(): ReadonlyMap<CgroupPower, 1 | 2> {
    return new Map(
      this.#folders.flatMap(({ version, powers }) => powers.map((power) => [power, version])),
    );
  }

  /**
   * A group of its own, without limits yet; the caller removes it.
   *
   * @throws when there is no room for another, or the node's folder was taken away
   */
  create(id: string): Cgroup {
    const made: CgroupFolder[] = [];
    const group = new Cgroup(made);
    try {
      for (const folder of this.#folders) {
        const path = join(folder.path, id);
        mkdirSync(path);
        made.push({ ...folder, path });
      }
    } catch (error) {
      void group.remove();
      throw error;
    }
    return group;
  }

  /** Removes all that is left, with the processes in it. Never rejects. */
  async close(): Promise<void> {
    await new Cgroup(this.#folders).remove();
    rmSync(this.#notePath, { force: true });
  }
}

/** Null when it turns out that nothing can be made there. */
function openParent(
  parent: CgroupParent,
  name: string,
  sources: CgroupSources,
): CgroupFolder | null {
  const { version, path: above } = parent;
  const path = join(above, name);
  try {
    mkdirSync(path);
    if (parent.movesNode) moveNode(above, sources.pid);
  } catch {
    return null;
  }
  const powers =
    version === 1 ? parent.powers : parent.powers.filter((power) => passes(power, above, path));
  // As much as the processors give, for all apps together; the node has the weight of one process beside it.
  if (version === 1 && powers.includes("cpu")) {
    put(join(path, "cpu.shares"), String(sharesPerCore * availableParallelism()));
  }
  if (powers.length > 0) return { version, path, powers };
  void new Cgroup([{ version, path, powers }]).remove();
  return null;
}

/** The node leaves its folder for one below it, beside those of the instances. @throws */
function moveNode(above: string, pid: number): void {
  const path = join(above, "levain-node");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "cgroup.procs"), String(pid));
  put(join(above, "cgroup.subtree_control"), "+cpu");
  put(join(path, "cpu.weight"), String(nodeCpuWeight));
}

/** Passes a controller of version 2 on to the groups of instances. Returns whether they have it then. */
function passes(power: CgroupPower, above: string, path: string): boolean {
  if (power === "freezer") return true;
  return [above, path].every((folder) => {
    const file = join(folder, "cgroup.subtree_control");
    // One by one: a single one that is refused refuses all of a line.
    return put(file, `+${power}`) === null;
  });
}

/** Ends and removes the groups that are noted. */
function sweep(notePath: string): void {
  let noted: unknown;
  try {
    noted = JSON.parse(readFileSync(notePath, "utf8"));
  } catch {
    return;
  }
  const folders = Array.isArray(noted) ? noted.filter(isOurs) : [];
  const group = new Cgroup(folders);
  group.kill();
  // What had no time to die yet is ended by and by.
  void group.remove();
}

/** Nothing else is ended or removed, whatever the file says. */
function isOurs(noted: unknown): noted is CgroupFolder {
  const { version, path, powers } = (noted ?? {}) as Partial<CgroupFolder>;
  const isNamed = typeof path === "string" && /^levain-[0-9a-f]{12}$/.test(basename(path));
  return isNamed && (version === 1 || version === 2) && Array.isArray(powers);
}

function systemSources(): CgroupSources {
  return {
    uid: process.getuid?.() ?? -1,
    pid: process.pid,
    ...systemFiles,
  };
}
