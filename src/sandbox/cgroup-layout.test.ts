import { describe, expect, test } from "bun:test";
import { type CgroupSources, cgroupParents } from "./cgroup-layout.ts";

const UNIT = "/sys/fs/cgroup/system.slice/levain.service";
const V2_MOUNT = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";

/** A unit of systemd with `Delegate=yes`, changed as asked. */
function unit(
  files: Record<string, string | null> = {},
  changes: Partial<CgroupSources> & { writable?: readonly string[] } = {},
): CgroupSources {
  const all: Record<string, string | null> = {
    "/proc/self/cgroup": "0::/system.slice/levain.service\n",
    "/proc/self/mountinfo": `24 1 8:1 / / rw - ext4 /dev/sda1 rw\n${V2_MOUNT}\n`,
    [`${UNIT}/cgroup.controllers`]: "cpuset cpu io memory pids\n",
    [`${UNIT}/cgroup.procs`]: "700\n",
    [`${UNIT}/cgroup.type`]: "domain\n",
    "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory hugetlb pids\n",
    ...files,
  };
  const writable = changes.writable ?? [
    UNIT,
    `${UNIT}/cgroup.procs`,
    `${UNIT}/cgroup.subtree_control`,
  ];
  return {
    uid: 1000,
    pid: 700,
    read: (path) => all[path] ?? null,
    canWrite: (path) => writable.includes(path),
    ...changes,
  };
}

const TOP = ["/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs"];

describe("version 2", () => {
  test("a part of the tree with nothing but the node is the node's", () => {
    expect(cgroupParents(unit())).toEqual([
      { version: 2, path: UNIT, powers: ["memory", "cpu", "pids", "freezer"], movesNode: true },
    ]);
  });

  test("a part with other processes too is left alone", () => {
    expect(cgroupParents(unit({ [`${UNIT}/cgroup.procs`]: "699\n700\n" }))).toEqual([]);
  });

  test("root takes the top of the tree then, and the node stays where it is", () => {
    const sources = unit(
      { [`${UNIT}/cgroup.procs`]: "699\n700\n" },
      { uid: 0, writable: [UNIT, ...TOP] },
    );

    expect(cgroupParents(sources)).toMatchObject([
      { version: 2, path: "/sys/fs/cgroup", movesNode: false },
    ]);
  });

  test("the top of a container's part is no top, and what is mounted read-only is no place", () => {
    const files = {
      "/proc/self/cgroup": "0::/\n",
      "/sys/fs/cgroup/cgroup.type": "domain\n",
      "/sys/fs/cgroup/cgroup.procs": "1\n700\n",
    };

    expect(cgroupParents(unit(files, { uid: 0, writable: TOP }))).toEqual([]);
    expect(cgroupParents(unit({}, { uid: 0, writable: [] }))).toEqual([]);
  });

  test("controllers that are not passed on to the node are not counted on", () => {
    const [parent] = cgroupParents(unit({ [`${UNIT}/cgroup.controllers`]: "memory\n" }));

    expect(parent?.powers).toEqual(["memory", "freezer"]);
  });

  test("a mount that does not show where the node is, is no place", () => {
    const elsewhere = "35 24 0:30 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

    expect(cgroupParents(unit({ "/proc/self/mountinfo": elsewhere }))).toEqual([]);
  });
});

describe("version 1", () => {
  const files = {
    "/proc/self/cgroup":
      "5:memory:/box\n4:cpu,cpuacct:/\n3:pids:/\n2:freezer:/\n1:name=systemd:/\n",
    "/proc/self/mountinfo": [
      "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct",
      "35 31 0:32 /box /cg/memory rw - cgroup cgroup rw,memory",
      "39 31 0:36 / /cg/pids rw - cgroup cgroup rw,pids",
      "37 31 0:34 / /cg/freezer rw - cgroup cgroup rw,freezer",
    ].join("\n"),
  };

  test("each controller that may be written to is used, below where the node is", () => {
    const sources = unit(files, { writable: ["/cg/memory", "/cg/cpu", "/cg/freezer"] });

    expect(cgroupParents(sources)).toEqual([
      { version: 1, path: "/cg/memory", powers: ["memory"], movesNode: false },
      { version: 1, path: "/cg/cpu", powers: ["cpu"], movesNode: false },
      { version: 1, path: "/cg/freezer", powers: ["freezer"], movesNode: false },
    ]);
  });

  test("beside an empty version 2, that one freezes and ends", () => {
    const sources = unit(
      {
        "/proc/self/cgroup": `${files["/proc/self/cgroup"]}0::/\n`,
        "/proc/self/mountinfo": `${files["/proc/self/mountinfo"]}\n41 31 0:38 / /cg/unified rw - cgroup2 cgroup2 rw\n`,
      },
      {
        uid: 0,
        writable: ["/cg/memory", "/cg/freezer", "/cg/unified", "/cg/unified/cgroup.procs"],
      },
    );

    expect(cgroupParents(sources)).toEqual([
      { version: 1, path: "/cg/memory", powers: ["memory"], movesNode: false },
      { version: 2, path: "/cg/unified", powers: ["freezer"], movesNode: false },
    ]);
  });
});

test("a machine without cgroups has no place", () => {
  const sources = unit({ "/proc/self/cgroup": null, "/proc/self/mountinfo": null });

  expect(cgroupParents(sources)).toEqual([]);
});
