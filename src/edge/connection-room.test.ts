import { expect, test } from "bun:test";
import { connectionsWithin, refusalsBeyond } from "./connection-room.ts";
import { connectionsMax, refusalsMax } from "./limits.ts";

test.each([
  [1_048_576, connectionsMax],
  [Number.POSITIVE_INFINITY, connectionsMax],
  [20_000, 15_904],
  [1024, 512],
  [300, 150],
  [1, 1],
])("with %d descriptors there are %d connections", (openFilesMax, connections) => {
  expect(connectionsWithin(openFilesMax)).toBe(connections);
});

test("those that are told that it is full fit beside those that are served", () => {
  for (const openFilesMax of [20, 64, 300, 1024, 4096, 20_000]) {
    const connections = connectionsWithin(openFilesMax);
    expect(connections + refusalsBeyond(connections)).toBeLessThan(openFilesMax * 0.9);
  }
  expect(refusalsBeyond(connectionsMax)).toBe(refusalsMax);
  expect(refusalsBeyond(1)).toBe(1);
});
