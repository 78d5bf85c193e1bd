import { expect, test } from "bun:test";
import { type AppliedMigration, pendingMigrations } from "./pending.ts";
import { readMigrations } from "./sql-file.ts";

const files = (...names: string[]) =>
  readMigrations(names.map((name) => ({ path: `${name}.sql`, text: `-- ${name}` })));
const applied = (...names: string[]): AppliedMigration[] =>
  files(...names).map(({ name, checksum }) => ({ name, checksum, state: "applied" }));
const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name);

test("what is not noted as applied is pending, in order", () => {
  const found = pendingMigrations(files("3_c", "1_a", "2_b"), applied("1_a"));

  expect(namesOf(found.pending)).toEqual(["2_b", "3_c"]);
  expect(found).toMatchObject({ changed: [], unknown: [], late: [], half: [] });
});

test("a file that was changed after it was applied is named, whatever is pending", () => {
  const noted = applied("1_a", "2_b").map((row) => ({ ...row, checksum: "0".repeat(64) }));

  expect(pendingMigrations(files("1_a", "2_b", "3_c"), noted).changed).toEqual(["1_a", "2_b"]);
});

test("what another version has applied, what comes late and what was left in the middle is named", () => {
  const noted = [
    ...applied("2_b", "9_z"),
    { name: "3_c", checksum: "x", state: "started" as const },
  ];

  const found = pendingMigrations(files("1_a", "2_b", "3_c"), noted);

  expect(namesOf(found.pending)).toEqual(["1_a", "3_c"]);
  expect(found).toMatchObject({ changed: [], unknown: ["9_z"], late: ["1_a"], half: ["3_c"] });
});
