import { describe, expect, test } from "bun:test";
import type { VersionLimits } from "../base/version-spec.ts";
import { DiskMeter } from "../sandbox/disk-meter.ts";
import { type DiskCount, DiskWatch, isCountDue } from "./disk-watch.ts";
import { diskCountIntervalMs } from "./limits.ts";

const MiB = 1024 * 1024;
const limits = { diskBytesMax: 1000 * MiB, diskFilesMax: 50_000 } as VersionLimits;

describe("files are counted", () => {
  const last: DiskCount = {
    bytes: 200 * MiB,
    files: 10_000,
    atMs: 0,
    tookMs: 10,
    fallen: { bytes: 7 * MiB, files: 5 },
  };
  const cases: [string, Partial<DiskCount>, bytes: number, files: number, ms: number, boolean][] = [
    ["not while the disk is as full as it was", {}, 0, 0, 1000, false],
    ["not while the disk took less than half of what is left", {}, 399, 0, 1000, false],
    ["when it took half of what is left", {}, 400, 0, 1000, true],
    ["when so many files were made anywhere", {}, 0, 20_000, 1000, true],
    ["not for each small write near the limit", { bytes: 1000 * MiB }, 0.9, 0, 1000, false],
    ["for a larger one near the limit", { bytes: 1000 * MiB }, 1, 0, 1000, true],
    ["now and then whatever the disk says", {}, 0, 0, diskCountIntervalMs, true],
    ["not again and again when it takes long", { tookMs: 1000 }, 900, 0, 19_000, false],
    ["again when it took long, after a while", { tookMs: 1000 }, 900, 0, 20_000, true],
  ];

  test.each(cases)("%s", (_name, change, megabytes, files, nowMs, expected) => {
    const fallen = { bytes: (7 + megabytes) * MiB, files: 5 + files };

    expect(isCountDue({ ...last, ...change }, fallen, limits, nowMs)).toBe(expected);
  });
});

test("the meter adds up what the room has fallen, and takes nothing back", () => {
  const room = { free: 1000, freeFiles: 50 };
  const meter = new DiskMeter(() => ({ ...room }));
  meter.fallen(0);

  const seen = [900, 950, 800].map((free, index) => {
    room.free = free;
    room.freeFiles -= 1;
    return meter.fallen(1000 * (index + 1));
  });

  expect(seen.map(({ bytes }) => bytes)).toEqual([100, 100, 250]);
  expect(seen.at(-1)?.files).toBe(3);
});

test("a disk that cannot be asked is as full as it was", () => {
  let isGone = false;
  const meter = new DiskMeter(() => {
    if (isGone) throw new Error("gone");
    return { free: 10, freeFiles: 0 };
  });
  meter.fallen(0);
  isGone = true;

  expect(meter.fallen(10_000)).toEqual({ bytes: 0, files: 0 });
});

test("one count is under way at a time, and what it finds is told with the next look", async () => {
  let free = 5000 * MiB;
  const meter = new DiskMeter(() => ({ free, freeFiles: 0 }));
  let counted = 0;
  const counting = Promise.withResolvers<{ bytes: number; files: number }>();
  const count = () => {
    counted += 1;
    return counting.promise;
  };
  const watch = new DiskWatch("shop", limits, meter, count, 0);

  free -= 600 * MiB;
  expect([watch.look(1000), watch.look(2000), watch.look(3000)]).toEqual([null, null, null]);
  counting.resolve({ bytes: 1001 * MiB, files: 3 });
  await counting.promise;
  await Promise.resolve();

  expect(counted).toBe(1);
  const cause = watch.look(4000);
  expect(cause?.code).toBe("DISK_EXCEEDED");
  expect(cause?.detail).toMatchObject({ diskBytes: 1001 * MiB, diskFiles: 3 });
});
