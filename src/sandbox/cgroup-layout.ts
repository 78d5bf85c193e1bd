/**
 * Where this node may make cgroups, read from what the kernel says about the node itself. Pure: `cgroups.ts` then tries.
 *
 * Version 2 has one tree. The node may use its own part of it when nothing but the node lives there (`Delegate=yes` of
 * systemd gives it such a part), or, as root, the top of the tree, as container engines do. Version 1 has a tree for
 * each controller, and there it is enough that the node may write to its own folder. A machine may have both: the
 * controllers in version 1 and, in an empty version 2, the way to end or freeze a whole group at once.
 */

/** What a group can do to the processes in it. */
export type CgroupPower = "memory" | "cpu" | "pids" | "freezer";

/** A folder below which the node makes its own. */
export interface CgroupParent {
  version: 1 | 2;
  path: string;
  /** What it has. */
  powers: readonly CgroupPower[];
  /** Version 2: the node's processes leave this folder first, since one with processes passes no controllers on. */
  movesNode: boolean;
}

/** What is asked of the system. */
export interface CgroupSources {
  uid: number;
  /** Of this process. */
  pid: number;
  /** Text of a file of /proc or of a cgroup, or null when it cannot be read. */
  read(path: string): string | null;
  /** Whether this process may write to a file or folder. */
  canWrite(path: string): boolean;
}

/** Folders to try, none when the node may make no groups. What is in one is not in another. */
export function cgroupParents(sources: CgroupSources): CgroupParent[] {
  const own = ownPaths(sources.read("/proc/self/cgroup") ?? "");
  const mounts = cgroupMounts(sources.read("/proc/self/mountinfo") ?? "");
  const first = versionOne(sources, own, mounts);
  const taken = first.flatMap(({ powers }) => powers);
  const second = versionTwo(sources, own, mounts);
  if (second === null) return first;
  // Its freezer needs no controller, and ends a group at once: it goes before that of version 1.
  const powers = second.powers.filter((power) => power === "freezer" || !taken.includes(power));
  const others = first.filter((parent) => !parent.powers.includes("freezer"));
  return [...others, { ...second, powers }];
}

function versionOne(
  { canWrite }: CgroupSources,
  own: ReadonlyMap<string, string>,
  mounts: readonly Mount[],
): CgroupParent[] {
  const parents: CgroupParent[] = [];
  for (const power of ["memory", "cpu", "pids", "freezer"] as const) {
    const mount = mounts.find(({ controllers }) => controllers?.includes(power));
    const path = folderOf(mount, own.get(power));
    if (path === null || !canWrite(path)) continue;
    parents.push({ version: 1, path, powers: [power], movesNode: false });
  }
  return parents;
}

function versionTwo(
  { uid, pid, read, canWrite }: CgroupSources,
  own: ReadonlyMap<string, string>,
  mounts: readonly Mount[],
): CgroupParent | null {
  const mount = mounts.find(({ controllers }) => controllers === null);
  const folder = folderOf(mount, own.get(""));
  if (mount === undefined || folder === null) return null;
  const mayUse = (path: string) => canWrite(path) && canWrite(`${path}/cgroup.procs`);
  const inOwn = (read(`${folder}/cgroup.procs`) ?? "").split("\n").filter((line) => line !== "");
  const isAlone = inOwn.length === 1 && inOwn[0] === String(pid);
  // Only the top of the whole tree has no type; it may have processes and pass controllers on.
  const isTop = (path: string) => read(`${path}/cgroup.type`) === null;
  if (!isTop(folder) && isAlone && mayUse(folder) && canWrite(`${folder}/cgroup.subtree_control`)) {
    return { version: 2, path: folder, powers: powersOf(read, folder), movesNode: true };
  }
  if (uid !== 0 || !isTop(mount.path) || !mayUse(mount.path)) return null;
  return { version: 2, path: mount.path, powers: powersOf(read, mount.path), movesNode: false };
}

function powersOf(read: CgroupSources["read"], folder: string): CgroupPower[] {
  const controllers = (read(`${folder}/cgroup.controllers`) ?? "").trim().split(/\s+/);
  const powers = (["memory", "cpu", "pids"] as const).filter((name) => controllers.includes(name));
  return [...powers, "freezer"];
}

/** Path of this process by controller, as in /proc/self/cgroup; that of version 2 has no controller. */
function ownPaths(text: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split("\n")) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    for (const name of names.split(",")) paths.set(name, path);
  }
  return paths;
}

interface Mount {
  /** Which part of the tree can be seen there. */
  root: string;
  path: string;
  /** Null: version 2. */
  controllers: readonly string[] | null;
}

function cgroupMounts(mountinfo: string): Mount[] {
  return mountinfo.split("\n").flatMap((line) => {
    const [left = "", right = ""] = line.split(" - ");
    const [type, , options = ""] = right.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") return [];
    const [, , , root = "/", path = ""] = left.split(" ");
    return [{ root, path, controllers: type === "cgroup2" ? null : options.split(",") }];
  });
}

/** Null when the mount does not show where this process is. */
function folderOf(mount: Mount | undefined, own: string | undefined): string | null {
  if (mount === undefined || own === undefined) return null;
  const { root, path } = mount;
  if (root === "/" || own === root) return `${path}${own === root ? "" : own}`;
  return own.startsWith(`${root}/`) ? `${path}${own.slice(root.length)}` : null;
}
