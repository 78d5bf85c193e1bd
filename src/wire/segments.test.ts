import { expect, test } from "bun:test";
import { segmentBytes, segmentsKeptMax } from "./limits.ts";
import { giveSegment, rest, takeSegment } from "./segments.ts";

test("what was given back is used again, a bounded number of them, and none when there is no use", () => {
  const many = Array.from({ length: segmentsKeptMax + 2 }, takeSegment);
  for (const segment of many) giveSegment(segment);
  const again = Array.from({ length: segmentsKeptMax + 2 }, takeSegment);

  expect(again.filter((segment) => many.includes(segment))).toHaveLength(segmentsKeptMax);
  expect(again.every(({ length }) => length === segmentBytes)).toBeTrue();

  const last = again[0]!;
  giveSegment(last);
  for (let turn = 0; turn < 10_000; turn++) rest();
  expect(takeSegment()).not.toBe(last);
});
