/** Goal: the soak cannot rot, and would see a leak. Method: few requests of every shape; and numbers that grow. */
import { expect, test } from "bun:test";
import { growthOf } from "./growth.ts";
import { growing, type Look, soakRequests, soakTable } from "./soak-requests.ts";
import { shapes } from "./soak-shapes.ts";

const points = (values: readonly number[]) =>
  values.map((value, index) => ({ requests: index * 100, value }));

test("growth at the start, and one high look, are no growth; a steady one is, however slow", () => {
  expect(growthOf(points([0, 50, 80, 90, 95, 95, 95, 95, 95, 95]))).toBe(0);
  expect(growthOf(points([0, 0, 0, 0, 0, 0, 0, 900, 0, 0, 0]))).toBe(0);
  expect(growthOf(points([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))).toBeCloseTo(4);
  expect(growthOf([])).toBe(0);
});

test("what grows is named with its process", () => {
  const held = { residentBytes: 5e7, heapBytes: 1e6, objects: 1000, fds: 10, threads: 8 };
  const looks: Look[] = Array.from({ length: 21 }, (_, index) => ({
    requests: index * 1000,
    node: { ...held, fds: 10 + index },
    app: { ...held, heapBytes: 1e6 + index * 2 ** 20 },
  }));

  expect(growing(looks)).toEqual([
    "fds of the node grew by 10 in the last half",
    "heapBytes of the app grew by 10.0 MiB in the last half",
  ]);
});

test("every shape of request is asked, answered as it should be, and leaves nothing", async () => {
  const soaks = await soakRequests(400, shapes, () => {});

  expect(soaks.map(({ shape }) => shape)).toEqual(shapes.map(({ name }) => name));
  for (const { shape, wrong, growing: grows } of soaks) {
    expect(wrong, shape).toBe(0);
    // A process that has just begun still grows; what it may not keep is a descriptor.
    expect(
      grows.filter((line) => line.startsWith("fds")),
      shape,
    ).toEqual([]);
  }
  expect(soakTable(soaks).split("\n")).toHaveLength(shapes.length + 2);
}, 90_000);
