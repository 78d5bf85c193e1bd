import { expect, test } from "bun:test";
import { resourceLimitsDefault, type VersionLimits } from "../base/version-spec.ts";
import type { KernelSupport } from "../sandbox/kernel-support.ts";
import { type GivenFacts, givenFacts } from "./given-facts.ts";
import type { ProcessBounds } from "./process-bounds.ts";
import type { SandboxFacts } from "./runner-launch.ts";
import { RunnerSandbox } from "./runner-sandbox.ts";

const run = "/data/run/i1";
const folder = {
  path: run,
  home: `${run}/home`,
  tmp: `${run}/tmp`,
  io: `${run}/io`,
  app: `${run}/app`,
  socketPath: `${run}/io/app.sock`,
};
const limits = { ...resourceLimitsDefault, memoryBytesMax: 2 ** 28 } as VersionLimits;

function given(
  bounds: Partial<Pick<ProcessBounds, "limits">> & { held?: ProcessBounds["held"] } = {},
  facts: Partial<SandboxFacts> = {},
  artifact: string | null = null,
): GivenFacts {
  const sandbox: SandboxFacts = {
    level: "strict",
    landlock: 7,
    holdsTcp: true,
    holdsSignals: true,
    filter: true,
    uid: 1000,
    gid: 1_900_000_001,
    connectPorts: [443],
    listen: false,
    udp: false,
    read: ["/usr/bin/bun", "/data/runner/d1", artifact ?? folder.app],
    write: [folder.home, folder.tmp, folder.io, "/srv/uploads"],
    rlimits: [],
    ...facts,
  };
  const kernel: KernelSupport = { landlock: 7, seccomp: true, arch: "x64" };
  return givenFacts(
    { pid: process.pid, folder, sandbox },
    {
      artifact,
      runnerPath: "/data/runner/d1/runner.js",
      sandbox: Object.assign(new RunnerSandbox({ users: null }), { kernel }),
    },
    { limits: null, held: () => null, ...bounds },
  );
}

test("its own folders are named by what they are, everything else by its path", () => {
  expect(given().read).toEqual(["/usr/bin/bun", "runner", "app"]);
  expect(given().write).toEqual(["home", "tmp", "io", "/srv/uploads"]);
  expect(given({}, {}, "/data/artifacts/aa/files").read?.[2]).toBe("app");
});

test("folders are not named where nothing holds it to them", () => {
  const { read, write, notHeld } = given({}, { level: "off", landlock: 0 });

  expect([read, write]).toEqual([null, null]);
  expect(notHeld).toContain("files: not held, the level is off");
});

test("without a control group it says what the node does instead", () => {
  const watched = (cpuCoresMax: number, held: ProcessBounds["held"]) =>
    given({ limits: { ...limits, cpuCoresMax }, held }).notHeld.map((gap) => gap.split(":")[0]);

  expect(watched(2, () => null)).toEqual(["memory", "processes", "CPU time"]);
  expect(watched(0, () => null)).toEqual(["memory", "processes"]);
  const cgroup = { memoryBytesMax: 1, cpuCoresMax: null, processesMax: 1 };
  expect(watched(0, () => cgroup)).toEqual([]);
  expect(watched(2, () => cgroup)).toEqual(["CPU time"]);
});
