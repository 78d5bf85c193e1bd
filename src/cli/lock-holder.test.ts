import { expect, test } from "bun:test";
import { holderIn } from "./lock-holder.ts";

const locks = `1: POSIX  ADVISORY  WRITE 77 00:2f:500 0 EOF
2: FLOCK  ADVISORY  WRITE 8911 fe:01:1234 0 EOF
2: -> FLOCK  ADVISORY  WRITE 42 fe:01:1234 0 EOF
`;

test("only the process that holds the very file counts", () => {
  expect(holderIn(locks, 1234, 8911)).toBe(8911);
  expect(holderIn(locks, 234, 8911)).toBeNull();
  expect(holderIn(locks, 1234, 77)).toBeNull();
  expect(holderIn(locks, 500, 77)).toBeNull();
  expect(holderIn(locks, 1234, Number.NaN)).toBeNull();
  expect(holderIn("", 1234, 8911)).toBeNull();
});

test("one that waits for the lock does not hold it", () => {
  expect(holderIn(locks, 1234, 42)).toBeNull();
});
