import { describe, expect, test } from "bun:test";
import { type Finding, findings, type MachineSources, probeMachine } from "./capabilities.ts";

const UNIT = "/sys/fs/cgroup/system.slice/levain.service";

/** A server with everything, changed as asked. */
function machine(
  changes: Partial<MachineSources> = {},
  files: Record<string, string | null> = {},
  writable: readonly string[] = [UNIT, `${UNIT}/cgroup.procs`, `${UNIT}/cgroup.subtree_control`],
): MachineSources {
  const all: Record<string, string | null> = {
    "/proc/meminfo": "MemTotal:       8388608 kB\nMemFree: 1 kB\nMemAvailable:   4194304 kB\n",
    "/proc/swaps":
      "Filename\tType\tSize\tUsed\tPriority\n/dev/zram0   partition\t2097152\t0\t100\n",
    "/proc/pressure/memory": "some avg10=0.00\n",
    "/proc/self/status": "CapInh:\t0000000000000000\nCapEff:\t000001ffffffffff\n",
    "/proc/self/cgroup": "0::/system.slice/levain.service\n",
    "/proc/self/mountinfo":
      "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
    [`${UNIT}/cgroup.procs`]: "700\n",
    [`${UNIT}/cgroup.type`]: "domain\n",
    [`${UNIT}/cgroup.controllers`]: "cpuset cpu io memory pids\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n",
    "/proc/self/limits": "Limit  Soft  Hard  Units\nMax open files   1024    524288   files\n",
    ...files,
  };
  return {
    platform: "linux",
    arch: "x64",
    kernel: "6.1.0",
    bun: "1.4.5",
    cores: 4,
    uid: 0,
    pid: 700,
    landlockAbi: 7,
    hasSeccomp: true,
    pagingErrno: null,
    nameServers: [{ address: "192.0.2.53", answers: "both" }],
    hasPostgres: true,
    read: (path) => all[path] ?? null,
    canWrite: (path) => writable.includes(path),
    ...changes,
  };
}

function finding(name: string, sources: MachineSources): Finding {
  const found = findings(sources).find((each) => each.name === name);
  if (found === undefined) throw new Error(`No finding ${name}`);
  return found;
}

test("a server with everything has nothing missing", () => {
  const report = findings(machine());

  expect(report.filter(({ ok }) => ok === false)).toEqual([]);
  expect(report.map(({ name, value }) => [name, value])).toEqual([
    ["kernel", "linux 6.1.0 (x64)"],
    ["bun", "1.4.5"],
    ["cores", "4"],
    ["memory", "4.0 GiB available of 8.0 GiB"],
    ["swap", "2.0 GiB with zram"],
    ["pressure", "reported"],
    ["user", "root (0)"],
    ["landlock", "level 7"],
    ["seccomp", "available"],
    ["sandbox", "strict by default"],
    ["names", "192.0.2.53 answers over TCP"],
    ["cgroup", "memory (version 2), cpu (version 2), pids (version 2), freezer (version 2)"],
    ["open files", "524288"],
    ["postgres", "installed"],
  ]);
});

test.each<[name: string, value: string, ok: boolean | null, sources: MachineSources]>([
  [
    "kernel",
    "darwin 25.0.0 (arm64)",
    false,
    machine({ platform: "darwin", kernel: "25.0.0", arch: "arm64" }),
  ],
  [
    "memory",
    "256 MiB available of 8.0 GiB",
    false,
    machine({}, { "/proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable: 262144 kB\n" }),
  ],
  ["memory", "unknown", false, machine({}, { "/proc/meminfo": null })],
  ["swap", "none", null, machine({}, { "/proc/swaps": "Filename Type Size Used Priority\n" })],
  [
    "swap",
    "1.0 GiB on disk",
    true,
    machine({}, { "/proc/swaps": "Filename\n/swapfile file 1048576 0 -2\n" }),
  ],
  ["swap", "2.0 GiB with zram", null, machine({ pagingErrno: "ENOSYS" })],
  ["pressure", "not reported", null, machine({}, { "/proc/pressure/memory": null })],
  ["user", "ada (1000)", null, machine({ uid: 1000 })],
  ["user", "no name (1234)", null, machine({ uid: 1234 })],
  [
    "user",
    "root (0) without the right to change users",
    false,
    machine({}, { "/proc/self/status": "CapEff:\t0000000000000001\n" }),
  ],
  ["landlock", "none", null, machine({ landlockAbi: 0 })],
  ["seccomp", "none", null, machine({ hasSeccomp: false })],
  [
    "names",
    "192.0.2.1 closes TCP after one answer, 192.0.2.2 does not answer over TCP",
    null,
    machine({
      nameServers: [
        { address: "192.0.2.1", answers: "one" },
        { address: "192.0.2.2", answers: "none" },
      ],
    }),
  ],
  [
    "open files",
    "4096",
    false,
    machine({}, { "/proc/self/limits": "Max open files 1024 4096 files\n" }),
  ],
  ["postgres", "none for linux-x64", false, machine({ hasPostgres: false })],
])("%s: %s", (name, value, ok, sources) => {
  expect(finding(name, sources)).toMatchObject({ value, ok });
});

describe("sandbox", () => {
  test.each<[claim: string, value: string, means: string, changes: Partial<MachineSources>]>([
    [
      "an ordinary user needs scopes",
      "relaxed by default",
      "level 6 is needed",
      { landlockAbi: 5 },
    ],
    ["and root does not", "strict by default", "what they declare", { landlockAbi: 5, uid: 0 }],
    ["nobody does without TCP ports", "relaxed by default", "level 3", { landlockAbi: 3, uid: 0 }],
    ["nor without seccomp", "relaxed by default", "no seccomp", { hasSeccomp: false, uid: 0 }],
  ])("%s: %s", (_, value, means, changes) => {
    const found = finding("sandbox", machine({ uid: 1000, ...changes }));

    expect(found).toMatchObject({ value, means: expect.stringContaining(means) });
    expect(found.ok).toBe(value.startsWith("strict") ? true : null);
  });

  test("an ordinary user hears when root could do it", () => {
    const meansFor = (landlockAbi: number) =>
      finding("sandbox", machine({ uid: 1000, landlockAbi })).means;

    expect(meansFor(4)).toEndWith("A node run by root can do it.");
    expect(meansFor(3)).not.toContain("root");
  });

  test("what a level of Landlock cannot do is said with the one that can", () => {
    const meansFor = (landlockAbi: number) => finding("landlock", machine({ landlockAbi })).means;

    expect(meansFor(3)).toContain("TCP ports take level 4");
    expect(meansFor(4)).toContain("signals and abstract sockets take level 6");
    expect(meansFor(6)).not.toContain("level");
  });
});

describe("cgroup", () => {
  test("what the kernel cannot hold apps to is said, with what the node does instead", () => {
    const sources = machine({}, { [`${UNIT}/cgroup.controllers`]: "hugetlb cpu\n" });

    expect(finding("cgroup", sources)).toMatchObject({
      value: "cpu (version 2), freezer (version 2)",
      ok: null,
      means: expect.stringContaining("it counts processes once a second"),
    });
    expect(finding("cgroup", sources).means).not.toContain("cpuCoresMax");
  });

  test("one that this process may not write to is none, and how to get one is said", () => {
    const sources = machine({}, {}, [UNIT]);

    expect(finding("cgroup", sources)).toMatchObject({
      value: "none that this user may use",
      ok: null,
      means: expect.stringContaining("Delegate=yes"),
    });
  });
});

test("every finding says what follows in a sentence", () => {
  for (const { name, means } of [...findings(machine()), ...findings(machine({ uid: 1000 }))]) {
    expect(means, name).toMatch(/^[A-Z].*\.$/);
  }
});

test("this machine can be looked at", async () => {
  const { findings: report } = await probeMachine();

  const values = Object.fromEntries(report.map(({ name, value }) => [name, value]));
  expect(values.bun).toBe(Bun.version);
  expect(values.memory).toMatch(/available of/);
  expect(values.postgres).toBe("installed");
  expect(Number(values.cores)).toBeGreaterThan(0);
});
