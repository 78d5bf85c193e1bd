import { expect, test } from "bun:test";
import { MigrationProblem, readMigrations } from "./sql-file.ts";

const namesOf = (...paths: string[]) =>
  readMigrations(paths.map((path) => ({ path, text: "SELECT 1" }))).map(({ name }) => name);
const problemOf = (text: string): string => {
  try {
    readMigrations([{ path: "1_a.sql", text }]);
  } catch (error) {
    if (error instanceof MigrationProblem) return `${error.file}: ${error.message}`;
    throw error;
  }
  return "none";
};

test("files are in the order of their numbers, then of their names; those without a number come last", () => {
  expect(
    namesOf("b.sql", "10_x.sql", "2_x.sql", "20260102030405678_y.sql", "2_a.sql", "a.sql"),
  ).toEqual(["2_a", "2_x", "10_x", "20260102030405678_y", "a", "b"]);
});

test("folders as Prisma has them count; what undoes, and what is no migration, does not", () => {
  expect(
    namesOf(
      "1_a/migration.sql",
      "meta/_journal.json",
      "2_b.up.sql",
      "2_b.down.sql",
      "x/y.sql",
      "a.txt",
    ),
  ).toEqual(["1_a", "2_b"]);
});

test("line ends and a byte order mark do not change a file's checksum; its text does", () => {
  const checksum = (text: string) => readMigrations([{ path: "1.sql", text }])[0]?.checksum;

  expect(checksum("\uFEFFSELECT 1;\r\nSELECT 2;\r\n")).toBe(checksum("SELECT 1;\nSELECT 2;\n")!);
  expect(checksum("SELECT 1")).not.toBe(checksum("SELECT 2")!);
});

test("a file says by a comment that it is not for a transaction", () => {
  const [plain, marked] = readMigrations([
    { path: "1.sql", text: "-- not for: levain: no-transaction\nSELECT 1" },
    { path: "2.sql", text: "-- levain: no-transaction\nBEGIN; COMMIT" },
  ]);

  expect(plain?.isTransactional).toBe(true);
  expect(marked?.isTransactional).toBe(false);
});

test("files that would not do what they say are refused, with the reason", () => {
  expect(problemOf("CREATE TABLE a ();\nCOMMIT;")).toContain("`COMMIT` is not for files");
  expect(problemOf("-- migrate:up\nSELECT 1;\n-- migrate:down\nDROP TABLE a;")).toContain("undo");
  expect(problemOf("-- +goose Down\nDROP TABLE a;")).toContain("undo");
  expect(problemOf("-- levain: no-transactions\nSELECT 1")).toContain("is not known");
  expect(problemOf("SELECT '\0'")).toContain("zero byte");
  expect(problemOf("DO $$ BEGIN COMMIT; END $$")).toBe("none");
});

test("two files of one name are refused", () => {
  expect(() => namesOf("1_a.sql", "1_a.up.sql")).toThrow("two of it");
});
