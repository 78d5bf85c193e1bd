import { expect, test } from "bun:test";
import type { SandboxLevel } from "../base/permissions.ts";
import { appConfinement, confinementFacts, type Grants } from "./app-confinement.ts";
import { FS, NET } from "./landlock.ts";

const kernel = { landlock: 7, seccomp: true, arch: "x64" as const };

function grants(level: SandboxLevel, change: Partial<Grants> = {}): Grants {
  return {
    level,
    read: ["/app"],
    write: ["/home"],
    connectPorts: [443],
    listen: false,
    udp: false,
    isUserShared: true,
    ...change,
  };
}

const accessTo = (path: string, level: SandboxLevel) =>
  appConfinement(kernel, grants(level)).ruleset?.paths.find((rule) => rule.path === path)?.access ??
  0n;

test("strict holds files, ports, signals and system calls", () => {
  expect(confinementFacts(kernel, grants("strict"))).toEqual({
    level: "strict",
    landlock: 7,
    holdsTcp: true,
    holdsSignals: true,
    filter: true,
  });
  const { ruleset } = appConfinement(kernel, grants("strict"));
  expect(ruleset?.net).toBe(NET.CONNECT_TCP | NET.BIND_TCP);
  expect(ruleset?.ports).toEqual([{ port: 443, access: NET.CONNECT_TCP }]);
});

test("no level gives a right to change the app's own files, or to see other processes when strict", () => {
  const change = FS.WRITE_FILE | FS.MAKE_REG | FS.REMOVE_FILE | FS.TRUNCATE;

  expect(accessTo("/app", "strict") & change).toBe(0n);
  expect(accessTo("/app", "relaxed") & change).toBe(0n);
  expect(accessTo("/home", "strict") & change).toBe(change);
  expect(accessTo("/proc", "strict")).toBe(0n);
  expect(accessTo("/proc", "relaxed")).not.toBe(0n);
});

test("relaxed leaves the network open, off leaves all but new privileges", () => {
  expect(appConfinement(kernel, grants("relaxed")).ruleset?.net).toBe(0n);
  expect(appConfinement(kernel, grants("off"))).toEqual({
    noNewPrivs: true,
    ruleset: null,
    filter: null,
  });
});

test("an app that may listen may bind, and still connects only where it may", () => {
  const { ruleset } = appConfinement(kernel, grants("strict", { listen: true }));

  expect(ruleset?.net).toBe(NET.CONNECT_TCP);
});

test("an older kernel is asked for what it knows", () => {
  const ruleset = (landlock: number) =>
    appConfinement({ ...kernel, landlock }, grants("strict")).ruleset!;

  expect(ruleset(1).fs & (FS.REFER | FS.TRUNCATE | FS.IOCTL_DEV)).toBe(0n);
  expect([ruleset(1).attributeBytes, ruleset(4).attributeBytes, ruleset(6).attributeBytes]).toEqual(
    [8, 16, 24],
  );
  expect([ruleset(3).net, ruleset(5).scoped]).toEqual([0n, 0n]);
  expect(ruleset(1).paths.every(({ access }) => (access & ~ruleset(1).fs) === 0n)).toBe(true);
});
