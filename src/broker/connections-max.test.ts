import { expect, test } from "bun:test";
import { connectionsMaxOf } from "./connections-max.ts";

test("with files enough, each waiter may have two connections, and others have room", () => {
  expect(connectionsMaxOf(1000, 1_000_000)).toEqual({ connectionsMax: 6096, note: null });
  expect(connectionsMaxOf(1000, Number.POSITIVE_INFINITY)).toEqual({
    connectionsMax: 6096,
    note: null,
  });
});

test.each([20_000, 1024, 100])(
  "of %i files some are left for supervisors and for files",
  (filesMax) => {
    const { connectionsMax, note } = connectionsMaxOf(50_000, filesMax);

    expect(connectionsMax).toBeGreaterThanOrEqual(filesMax / 2);
    expect(connectionsMax).toBeLessThanOrEqual(filesMax - 50);
    expect(note).toContain(`may have ${filesMax} files open`);
  },
);
