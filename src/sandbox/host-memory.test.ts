/** Goal: the node knows how much memory there is for it, whatever bounds it. Method: files of the kernel as texts. */
import { describe, expect, test } from "bun:test";
import { HostMemoryReader, parsePressure, reserveBytes } from "./host-memory.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

const meminfo = (values: Record<string, number>) =>
  Object.entries({ MemTotal: 8 * GiB, MemAvailable: 6 * GiB, SwapTotal: 0, SwapFree: 0, ...values })
    .map(([name, bytes]) => `${name}:   ${bytes / 1024} kB\n`)
    .join("");

const pressureOf = (some: number, full: number) =>
  `some avg10=${some} avg60=0.00 avg300=0.00 total=1\nfull avg10=${full} avg60=0.00 avg300=0.00 total=0\n`;

const machine = {
  "/proc/meminfo": meminfo({}),
  "/proc/pressure/memory": pressureOf(1.5, 0.25),
};

/** What is read on a machine with these files. */
function look(files: Record<string, string>) {
  return new HostMemoryReader((path) => files[path] ?? null).look();
}

test("without a cgroup's limit the machine's memory counts", () => {
  expect(look(machine)).toEqual({
    totalBytes: 8 * GiB,
    availableBytes: 6 * GiB,
    swapTotalBytes: 0,
    swapFreeBytes: 0,
    zramBytes: 0,
    pressure: { some: 0.015, full: 0.0025 },
  });
});

test("this machine says how much it has", () => {
  const memory = new HostMemoryReader().look()!;

  expect(memory.totalBytes).toBeGreaterThan(128 * MiB);
  expect(memory.availableBytes).toBeGreaterThan(0);
  expect(memory.availableBytes).toBeLessThanOrEqual(memory.totalBytes);
});

test("compressed pages in zram are counted, those on disk are not", () => {
  const memory = look({
    ...machine,
    "/proc/meminfo": meminfo({ SwapTotal: 3 * GiB, SwapFree: 2 * GiB }),
    "/proc/swaps":
      "Filename Type Size Used Priority\n/dev/zram0 partition 2 1 100\n/swapfile file 1 0 -2\n",
    "/sys/block/zram0/mm_stat": "  400000000 90000000 104857600        0 104857600 0 0 0 0\n",
  });

  expect(memory).toMatchObject({
    swapTotalBytes: 3 * GiB,
    swapFreeBytes: 2 * GiB,
    zramBytes: 100 * MiB,
  });
});

describe("a cgroup with less than the machine is what counts", () => {
  const second = {
    ...machine,
    "/proc/self/cgroup": "0::/system.slice/levain.service\n",
    "/proc/self/mountinfo": "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
    "/sys/fs/cgroup/system.slice/levain.service/memory.max": "max\n",
    "/sys/fs/cgroup/system.slice/memory.max": `${2 * GiB}\n`,
    "/sys/fs/cgroup/system.slice/memory.current": `${1536 * MiB}\n`,
    "/sys/fs/cgroup/system.slice/memory.stat": `anon 1\ninactive_file ${256 * MiB}\n`,
    "/sys/fs/cgroup/system.slice/memory.pressure": pressureOf(40, 20),
  };

  test("also when it is the parent's, with its own pressure", () => {
    expect(look(second)).toMatchObject({
      totalBytes: 2 * GiB,
      availableBytes: 768 * MiB,
      pressure: { some: 0.4, full: 0.2 },
    });
  });

  test("not when it has more than the machine", () => {
    const files = { ...second, "/sys/fs/cgroup/system.slice/memory.max": `${64 * GiB}\n` };

    expect(look(files)).toMatchObject({ totalBytes: 8 * GiB, pressure: { some: 0.015 } });
  });

  test("in version 1, where no limit is a large number", () => {
    const files = {
      ...machine,
      "/proc/self/cgroup": "5:cpu,memory:/docker/abc\n1:name=systemd:/\n0::/\n",
      // A container sees its own group as the root of the mount.
      "/proc/self/mountinfo":
        "40 24 0:30 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": `${GiB}\n`,
      "/sys/fs/cgroup/memory/memory.usage_in_bytes": `${GiB}\n`,
      "/sys/fs/cgroup/memory/memory.stat": `cache 1\ntotal_inactive_file ${64 * MiB}\n`,
    };

    expect(look(files)).toMatchObject({ totalBytes: GiB, availableBytes: 64 * MiB });
    const none = {
      ...files,
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    };
    expect(look(none)).toMatchObject({ totalBytes: 8 * GiB });
  });
});

test("without /proc/meminfo nothing is known", () => {
  expect(look({})).toBeNull();
});

test("a kernel without pressure reports says none", () => {
  expect(parsePressure(null)).toBeNull();
  expect(parsePressure("")).toBeNull();
});

test.each([
  [256 * MiB, 128 * MiB],
  [1 * GiB, 256 * MiB],
  [8 * GiB, Math.floor(0.8 * GiB)],
  [256 * GiB, 2 * GiB],
])("of %d bytes the system is left %d", (totalBytes, leftBytes) => {
  expect(reserveBytes(totalBytes)).toBe(leftBytes);
});
