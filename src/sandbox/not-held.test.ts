import { describe, expect, test } from "bun:test";
import type { SandboxLevel } from "../base/permissions.ts";
import { confinementFacts } from "./app-confinement.ts";
import type { KernelSupport } from "./kernel-support.ts";
import { notHeld } from "./not-held.ts";

/** Gaps of a process at a level on a kernel. */
function gaps(level: SandboxLevel, changes: Partial<KernelSupport> = {}, isUserShared = true) {
  const kernel: KernelSupport = { landlock: 7, seccomp: true, arch: "x64", ...changes };
  const grants = {
    level,
    isUserShared,
    read: [],
    write: [],
    connectPorts: [],
    listen: false,
    udp: false,
  };
  return notHeld(confinementFacts(kernel, grants), kernel, isUserShared);
}

test("a strict process on a kernel with everything has no gaps", () => {
  expect(gaps("strict")).toEqual([]);
});

test("what the level leaves open is the level's, not the kernel's", () => {
  expect(gaps("relaxed")).toEqual([
    "what /proc shows of other processes: not held, the level is relaxed",
    "TCP ports: not held, the level is relaxed",
    "UDP: not held, the level is relaxed",
  ]);
  expect(gaps("off")).toEqual([
    "files: not held, the level is off",
    "TCP ports: not held, the level is off",
    "UDP: not held, the level is off",
    "signals and abstract unix sockets: not held, the level is off",
    "system calls: not held, the level is off",
  ]);
});

describe("a kernel that cannot do it", () => {
  test("an old Landlock is named with its level", () => {
    expect(gaps("relaxed", { landlock: 3 })).toEqual([
      "what /proc shows of other processes: not held, the level is relaxed",
      "TCP ports: not held, this kernel has Landlock level 3",
      "UDP: not held, the level is relaxed",
      "signals and abstract unix sockets: not held, this kernel has Landlock level 3",
    ]);
  });

  test("none at all is said so, and that a user of its own still holds files and signals", () => {
    expect(gaps("relaxed", { landlock: 0, seccomp: false }, false)).toEqual([
      "files: held by its user id alone, this kernel has no Landlock",
      "TCP ports: not held, this kernel has no Landlock",
      "UDP: not held, the level is relaxed",
      "abstract unix sockets: not held, this kernel has no Landlock",
      "system calls: not held, this kernel has no seccomp filters",
    ]);
  });
});
