/** Goal: swap is set up only where nobody else can mind, by steps that a person can read. Method: machines as texts. */
import { describe, expect, test } from "bun:test";
import {
  decideZram,
  showZramStep,
  type ZramPlan,
  type ZramSources,
  zramSteps,
  zramUndoSteps,
} from "./zram.ts";
import { zramSources } from "./zram-setup.ts";

const NO_SWAP = "Filename\tType\tSize\tUsed\tPriority\n";
const FIRST: Record<string, string> = {
  "/proc/self/ns/pid": "pid:[4026531836]",
  "/proc/self/ns/user": "user:[4026531837]",
};

interface Machine {
  uid?: number;
  files?: Record<string, string | null>;
  devices?: readonly string[];
  links?: Record<string, string>;
  without?: string;
}

/** Root on a machine with 8 GiB, an unused zram device and no swap, changed as asked. */
function machine({
  uid = 0,
  files = {},
  devices = ["sda", "zram0"],
  links = {},
  without,
}: Machine = {}): ZramSources {
  const all: Record<string, string | null> = {
    "/proc/swaps": NO_SWAP,
    "/proc/meminfo": "MemTotal:       8388608 kB\n",
    "/sys/block/zram0/initstate": "0\n",
    "/sys/block/zram0/comp_algorithm": "[lzo] lz4 zstd lzo-rle \n",
    ...files,
  };
  return {
    uid,
    read: (path) => all[path] ?? null,
    list: (path) => (path === "/sys/block" ? [...devices] : []),
    link: (path) => ({ ...FIRST, ...links })[path] ?? null,
    which: (program) => (program === without ? null : `/usr/sbin/${program}`),
  };
}

function planOf(sources: ZramSources): ZramPlan {
  const decision = decideZram(sources);
  if (decision.kind !== "plan") throw new Error(JSON.stringify(decision));
  return decision.plan;
}

test("a machine without swap gets as much as it has RAM, in at most half of it", () => {
  const plan = planOf(machine());

  expect(zramSteps(plan).map(showZramStep)).toEqual([
    "echo lzo-rle > /sys/block/zram0/comp_algorithm",
    "echo 8589934592 > /sys/block/zram0/disksize",
    "echo 4294967296 > /sys/block/zram0/mem_limit",
    "mkswap /dev/zram0",
    "swapon --priority 100 /dev/zram0",
  ]);
  expect(zramUndoSteps("zram0").map(showZramStep)).toEqual([
    "swapoff /dev/zram0",
    "echo 1 > /sys/block/zram0/reset",
  ]);
});

test("a kernel whose module is not loaded loads it first, and chooses how to compress", () => {
  const steps = zramSteps(planOf(machine({ devices: ["sda"] }))).map(showZramStep);

  expect(steps.slice(0, 2)).toEqual([
    "modprobe zram",
    "echo 8589934592 > /sys/block/zram0/disksize",
  ]);
});

test("a machine that has swap in zram is left as it is, whoever asks", () => {
  const files = { "/proc/swaps": `${NO_SWAP}/dev/zram1 partition 4194304 0 100\n` };

  expect(decideZram(machine({ uid: 1000, files }))).toEqual({
    kind: "present",
    device: "/dev/zram1",
  });
});

describe("it is refused", () => {
  test.each<[string, Machine, string]>([
    ["to an ordinary user", { uid: 1000 }, "only root"],
    [
      "in a container, whose root is not the machine's",
      { links: { "/proc/self/ns/pid": "pid:[4026532201]" } },
      "container",
    ],
    ["in a user namespace", { links: { "/proc/self/ns/user": "user:[4026532200]" } }, "container"],
    [
      "beside swap on disk",
      { files: { "/proc/swaps": `${NO_SWAP}/swapfile file 2097148 0 -2\n` } },
      "/swapfile",
    ],
    [
      "where zram holds something else",
      {
        devices: ["zram0", "zram1"],
        files: { "/sys/block/zram1/initstate": "1\n" },
      },
      "/dev/zram1 is in use",
    ],
    [
      "where a device does not say whether it is used",
      { devices: ["zram0", "zram3"] },
      "/dev/zram3 is in use",
    ],
    ["without a module or a way to load one", { devices: [], without: "modprobe" }, "no zram"],
    ["without mkswap", { without: "mkswap" }, "no mkswap"],
    ["without swapon", { without: "swapon" }, "no swapon"],
    ["without a known size of RAM", { files: { "/proc/meminfo": null } }, "how much memory"],
  ])("%s", (_where, changes, why) => {
    expect(decideZram(machine(changes))).toEqual({
      kind: "refused",
      why: expect.stringContaining(why),
    });
  });
});

test("this machine comes to a decision, whatever it is", () => {
  expect(["present", "refused", "plan"]).toContain(decideZram(zramSources()).kind);
});
