/**
 * What a process of an app is held to, from what it was granted: pure. What is said here is all it reaches of the
 * machine; docs/sandbox.md says it for people, and `levain inspect` for an instance.
 */
import type { SandboxLevel } from "../base/permissions.ts";
import { appFilter } from "./app-filter.ts";
import type { KernelSupport } from "./kernel-support.ts";
import { DEVICE, LEVEL, LOOK, NET, READ, ruleset, WRITE } from "./landlock.ts";
import type { Confinement, PathRule, Ruleset } from "./launch.ts";

/** What one process is given. Absolute paths. */
export interface Grants {
  level: SandboxLevel;
  /** Programs and modules: may be read and executed. */
  read: readonly string[];
  /** May be read, executed and changed. */
  write: readonly string[];
  /** TCP ports that it may connect to. */
  connectPorts: readonly number[];
  /** It may bind TCP ports. */
  listen: boolean;
  udp: boolean;
  /** The node and its apps have one user. */
  isUserShared: boolean;
  /** See `AppFilterOptions`. */
  isOwnerIgnored?: boolean;
}

/** What was really done; for people and programs. */
export interface ConfinementFacts {
  level: SandboxLevel;
  /** Level of Landlock that holds it; 0 = none. */
  landlock: number;
  /** TCP is held to the ports. */
  holdsTcp: boolean;
  /** Signals and abstract sockets stay among its own processes. */
  holdsSignals: boolean;
  /** A filter of system calls holds it. */
  filter: boolean;
}

/** Programs and libraries of the machine. */
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"];

/** What name resolution, TLS, time zones and users need. Single files where a folder holds more. */
const SETTINGS = [
  "/etc/ca-certificates",
  "/etc/gai.conf",
  "/etc/group",
  "/etc/host.conf",
  "/etc/hosts",
  "/etc/ld.so.cache",
  "/etc/localtime",
  "/etc/mime.types",
  "/etc/nsswitch.conf",
  "/etc/os-release",
  "/etc/passwd",
  "/etc/pki",
  "/etc/protocols",
  "/etc/resolv.conf",
  "/etc/services",
  "/etc/ssl",
  "/etc/timezone",
  "/sys/devices/system/cpu",
  "/sys/kernel/mm/transparent_hugepage",
];

/** What any process may know of the machine. Of /proc/self, the child opens its own. */
const MACHINE = [
  "/proc/self",
  "/proc/cpuinfo",
  "/proc/filesystems",
  "/proc/loadavg",
  "/proc/meminfo",
  "/proc/stat",
  "/proc/sys",
  "/proc/uptime",
  "/proc/version",
];

const DEVICES = ["/dev/full", "/dev/null", "/dev/random", "/dev/urandom", "/dev/zero"];

/** What the app's processes are held to. */
export function appConfinement(kernel: KernelSupport, grants: Grants): Confinement {
  const facts = confinementFacts(kernel, grants);
  const { isUserShared, isOwnerIgnored = false } = grants;
  return {
    noNewPrivs: true,
    ruleset: facts.landlock === 0 ? null : appRuleset(facts, grants),
    filter: facts.filter
      ? appFilter({ arch: kernel.arch, udp: allowsUdp(grants), isUserShared, isOwnerIgnored })
      : null,
  };
}

/** What `appConfinement` comes to. */
export function confinementFacts(kernel: KernelSupport, grants: Grants): ConfinementFacts {
  const { level } = grants;
  const landlock = level === "off" ? 0 : kernel.landlock;
  return {
    level,
    landlock,
    holdsTcp: level === "strict" && landlock >= LEVEL.tcp,
    holdsSignals: landlock >= LEVEL.scopes,
    filter: level !== "off" && kernel.seccomp,
  };
}

function appRuleset({ landlock, holdsTcp }: ConfinementFacts, grants: Grants): Ruleset {
  if (!holdsTcp) return ruleset(landlock, pathRules(grants), [], 0n);
  const ports = grants.connectPorts.map((port) => ({ port, access: NET.CONNECT_TCP }));
  const handled = grants.listen ? NET.CONNECT_TCP : NET.CONNECT_TCP | NET.BIND_TCP;
  return ruleset(landlock, pathRules(grants), ports, handled);
}

function allowsUdp({ level, udp }: Grants): boolean {
  return udp || level !== "strict";
}

function pathRules({ level, read, write }: Grants): PathRule[] {
  // With all of /proc it can start another Bun, and see that other processes exist.
  const machine = level === "strict" ? MACHINE : ["/proc", ...MACHINE];
  return [
    ...rules([...SYSTEM, ...read], READ),
    ...rules([...SETTINGS, ...machine], LOOK),
    ...rules(DEVICES, DEVICE),
    ...rules(write, WRITE),
  ];
}

function rules(paths: readonly string[], access: bigint): PathRule[] {
  return paths.map((path) => ({ path, access }));
}
