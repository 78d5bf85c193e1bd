/**
 * Swap in zram: what would have to be done on this machine to have it, or why that is left to a person. Pure; the steps
 * are carried out by `zram-setup.ts`.
 *
 * Swap belongs to the whole machine. So nothing is done where somebody has decided about it already, or where this
 * process cannot see the whole machine.
 */
import type { ReadText } from "./host-memory.ts";
import { zramMemoryShareMax, zramSizeShare } from "./limits.ts";
import { swapAreas } from "./swap.ts";

export interface ZramSources {
  uid: number;
  /** Text of a file of /proc or /sys, or null. */
  read: ReadText;
  /** Names of a folder's entries; none when there is no such folder. */
  list(path: string): string[];
  /** Where a symbolic link leads, or null. */
  link(path: string): string | null;
  /** Path of a program, or null. */
  which(program: string): string | null;
}

/** One step, as it is shown and carried out; each can be done by hand. */
export type ZramStep =
  | { kind: "write"; path: string; text: string }
  | { kind: "run"; argv: readonly string[] };

export interface ZramPlan {
  /** The device that will be used, such as `zram0`; null: the module brings it along. */
  device: string | null;
  /** As much as apps can hand over, uncompressed. Bytes. */
  sizeBytes: number;
  /** RAM that it may take, compressed. Bytes. */
  memoryBytesMax: number;
  /** The best that the device offers; null leaves the kernel's choice. */
  algorithm: string | null;
}

export type ZramDecision =
  | { kind: "present"; device: string }
  | { kind: "refused"; why: string }
  | { kind: "plan"; plan: ZramPlan };

/** Before swap on disk, which is slower. */
const PRIORITY = "100";

/**
 * In order of preference. 15 MiB of small objects came to 3.8 MiB with lzo-rle and to 4.3 MiB with lz4, in the same time, and
 * woke as fast; zstd is slower both ways.
 */
const ALGORITHMS = ["lzo-rle", "lz4", "lzo", "zstd"];

/** Of the kernel's first namespaces, fixed since Linux 3.8: include/linux/proc_ns.h. A container has others. */
const FIRST_NAMESPACES = { pid: 0xef_ff_ff_fc, user: 0xef_ff_ff_fd } as const;

/** What to do on this machine. */
export function decideZram(sources: ZramSources): ZramDecision {
  const { uid, read, list, which } = sources;
  const refused = (why: string): ZramDecision => ({ kind: "refused", why });
  const areas = swapAreas(read);
  const zram = areas.find(({ isZram }) => isZram);
  if (zram !== undefined) return { kind: "present", device: zram.name };
  if (uid !== 0) return refused("only root can make swap");
  if (!isWholeMachine(sources)) {
    return refused("this is a container, whose swap is that of the machine around it");
  }
  const [area] = areas;
  if (area !== undefined) {
    return refused(
      `the machine has swap already (${area.name}), and may be meant to have no other`,
    );
  }
  const devices = list("/sys/block").filter((name) => /^zram\d+$/.test(name));
  const used = devices.find((name) => read(`/sys/block/${name}/initstate`)?.trim() !== "0");
  if (used !== undefined) return refused(`/dev/${used} is in use for something else`);
  if (devices.length === 0 && which("modprobe") === null) {
    return refused("this kernel has no zram, and there is no modprobe to look for it");
  }
  const missing = ["mkswap", "swapon"].find((program) => which(program) === null);
  if (missing !== undefined) return refused(`there is no ${missing} on this machine (util-linux)`);
  const totalBytes = Number(/^MemTotal:\s+(\d+) kB/m.exec(read("/proc/meminfo") ?? "")?.[1]) * 1024;
  if (!(totalBytes > 0)) return refused("nothing says how much memory the machine has");
  const device = devices[0] ?? null;
  return {
    kind: "plan",
    plan: {
      device,
      sizeBytes: wholeMebibytes(totalBytes * zramSizeShare),
      memoryBytesMax: wholeMebibytes(totalBytes * zramMemoryShareMax),
      algorithm: bestAlgorithm(read(`/sys/block/${device}/comp_algorithm`)),
    },
  };
}

/** The steps to a swap area, in order. Pure. */
export function zramSteps(plan: ZramPlan): ZramStep[] {
  const device = plan.device ?? FIRST_DEVICE;
  const folder = `/sys/block/${device}`;
  const load: ZramStep[] =
    plan.device === null ? [{ kind: "run", argv: ["modprobe", "zram"] }] : [];
  const choose: ZramStep[] =
    plan.algorithm === null
      ? []
      : [{ kind: "write", path: `${folder}/comp_algorithm`, text: plan.algorithm }];
  return [
    ...load,
    ...choose,
    { kind: "write", path: `${folder}/disksize`, text: String(plan.sizeBytes) },
    { kind: "write", path: `${folder}/mem_limit`, text: String(plan.memoryBytesMax) },
    { kind: "run", argv: ["mkswap", `/dev/${device}`] },
    { kind: "run", argv: ["swapon", "--priority", PRIORITY, `/dev/${device}`] },
  ];
}

/** What takes them back; the memory that is in the area has to fit into RAM. Pure. */
export function zramUndoSteps(device: string): ZramStep[] {
  return [
    { kind: "run", argv: ["swapoff", `/dev/${device}`] },
    { kind: "write", path: `/sys/block/${device}/reset`, text: "1" },
  ];
}

/** A step as one would type it. */
export function showZramStep(step: ZramStep): string {
  return step.kind === "run" ? step.argv.join(" ") : `echo ${step.text} > ${step.path}`;
}

/** The best of those that a device offers, as in `lzo-rle [lzo] lz4`. */
function bestAlgorithm(offered: string | null): string | null {
  const names = (offered ?? "").replace(/[[\]]/g, "").trim().split(/\s+/);
  return ALGORITHMS.find((name) => names.includes(name)) ?? null;
}

/** The one that the module makes when it is loaded. */
export const FIRST_DEVICE = "zram0";

/** Whether this process sees the machine itself, and not a part of it. */
function isWholeMachine({ link }: ZramSources): boolean {
  return Object.entries(FIRST_NAMESPACES).every(
    ([name, inode]) => link(`/proc/self/ns/${name}`) === `${name}:[${inode}]`,
  );
}

function wholeMebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2) * 1024 ** 2;
}
