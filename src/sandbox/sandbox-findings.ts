/** What holds apps on this machine, for `levain doctor`: whose users they run as, and what the kernel can do. Pure. */
import type { Finding, MachineSources } from "./capabilities.ts";
import { defaultLevel, type KernelSupport, strictProblem } from "./kernel-support.ts";
import { LEVEL } from "./landlock.ts";
import { hasCapability } from "./paging-way.ts";

export function user({ uid, read }: MachineSources): Finding {
  // Containers run under user ids that have no line there.
  const passwd = (read("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  const name = passwd.find((fields) => Number(fields[2]) === uid)?.[0];
  const value = name === undefined ? `no name (${uid})` : `${name} (${uid})`;
  if (isUserShared(uid)) {
    return {
      name: "user",
      value,
      ok: null,
      means:
        "PostgreSQL and every app run as this user: the sandbox alone keeps apps from what this user can reach.",
    };
  }
  const ok = hasCapability(read("/proc/self/status"), CAP_SETUID, CAP_SETGID, CAP_CHOWN);
  return {
    name: "user",
    value: ok ? value : `${value} without the right to change users`,
    ok,
    means: ok
      ? "PostgreSQL runs as a user of its own, and so does each instance of an app."
      : "PostgreSQL refuses to run as root, and neither it nor apps can be given other users: run the node as an ordinary user.",
  };
}

export function landlock({ landlockAbi }: MachineSources): Finding {
  return {
    name: "landlock",
    value: landlockAbi === 0 ? "none" : `level ${landlockAbi}`,
    ok: landlockAbi > 0 ? true : null,
    means: landlockMeans(landlockAbi),
  };
}

function landlockMeans(level: number): string {
  if (level === 0) {
    return "Apps cannot be kept to their own files on this kernel; Linux 5.13 or later with Landlock switched on can.";
  }
  if (level < LEVEL.tcp) {
    return `Keeps apps to their own files; TCP ports take level ${LEVEL.tcp} (Linux 6.7).`;
  }
  if (level < LEVEL.scopes) {
    return `Keeps apps to their own files and TCP ports; signals and abstract sockets take level ${LEVEL.scopes} (Linux 6.12).`;
  }
  return "Keeps apps to their own files and TCP ports, and their signals and abstract sockets among their own processes.";
}

export function seccomp({ hasSeccomp }: MachineSources): Finding {
  return {
    name: "seccomp",
    value: hasSeccomp ? "available" : "none",
    ok: hasSeccomp ? true : null,
    means: hasSeccomp
      ? "Apps cannot use the system calls that lead around the rest of what holds them."
      : "Apps may use every system call, and some lead around the rest: boot a kernel with CONFIG_SECCOMP_FILTER.",
  };
}

export function sandbox({ landlockAbi, hasSeccomp, arch, uid }: MachineSources): Finding {
  const kernel: KernelSupport = {
    landlock: landlockAbi,
    seccomp: hasSeccomp,
    arch: arch === "arm64" ? "arm64" : "x64",
  };
  const isShared = isUserShared(uid);
  const problem = strictProblem(kernel, isShared);
  const value = `${defaultLevel(kernel, isShared)} by default`;
  if (problem === null) {
    return {
      name: "sandbox",
      value,
      ok: true,
      means: "Apps reach their own files, and of the network what they declare.",
    };
  }
  const whenRoot =
    isShared && strictProblem(kernel, false) === null ? " A node run by root can do it." : "";
  return {
    name: "sandbox",
    value,
    ok: null,
    means: `${problem}: the network is open to apps that name no level, and one that demands strict does not start.${whenRoot}`,
  };
}

/** A node gives its apps other users when it is root. */
function isUserShared(uid: number): boolean {
  return uid !== 0;
}

// capabilities(7)
const CAP_CHOWN = 0;
const CAP_SETGID = 6;
const CAP_SETUID = 7;

/** Strict apps resolve names over TCP, since datagrams are refused to them. */
export function names({ nameServers }: MachineSources): Finding {
  const good = nameServers.filter(({ answers }) => answers === "both");
  const value = nameServers
    .map(({ address, answers }) => `${address} ${ANSWERS[answers]}`)
    .join(", ");
  const ok = good.length > 0;
  return {
    name: "names",
    value,
    ok: ok ? true : null,
    means: ok
      ? "Apps resolve names over TCP, without datagrams."
      : "Apps in strict resolve no names with this: give those that need it `permissions: { udp: true }`, or the machine a name server that answers over TCP (RFC 7766), such as systemd-resolved.",
  };
}

const ANSWERS = {
  both: "answers over TCP",
  one: "closes TCP after one answer",
  none: "does not answer over TCP",
} as const;
