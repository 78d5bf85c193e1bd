import { expect, test } from "bun:test";
import { migrationsSince } from "./migrations.ts";

const run = (version: number | null, ...pending: string[]) =>
  ({ version, state: "succeeded", pending }) as const;

test("what was done to a database after a version is named, each once; what was done for it is not", () => {
  expect(migrationsSince([], 1)).toEqual([]);
  expect(migrationsSince([run(2, "0002_b"), run(3, "0003_c"), run(4, "0003_c")], 1)).toEqual([
    "0002_b",
    "0003_c",
  ]);
  expect(migrationsSince([run(2, "0002_b"), run(3, "0003_c")], 2)).toEqual(["0003_c"]);
  expect(migrationsSince([run(2, "0002_b")], 2)).toEqual([]);
});

test("a run that came to no version has changed the database all the same", () => {
  expect(migrationsSince([run(2, "0002_b"), run(null, "bun migrate.ts")], 2)).toEqual([
    "bun migrate.ts",
  ]);
});
