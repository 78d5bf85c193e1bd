/** Goal: nothing is run twice that may have been done. Method: the rule alone, each of its reasons by itself. */
import { expect, test } from "bun:test";
import { canRunAgain } from "./server-lost.ts";

const batch = { beganOutside: true, hasCopied: false, hasResult: false };
const lost = {
  fields: new Map([["C", "57P01"]]),
  how: "it was closed",
  hasRows: false,
  isWithin: false,
};

test("what PostgreSQL has ended before any result, outside of a transaction, is run again", () => {
  for (const sql of [
    ["INSERT INTO t VALUES (1)"],
    ["/* a */ -- b\n (select 1)"],
    ["BEGIN; SELECT 1;"],
    [],
  ]) {
    expect(canRunAgain(batch, lost, sql), sql[0]).toBe(true);
  }
});

test("a single doubt is enough to run nothing again", () => {
  const sql = ["INSERT INTO t VALUES (1)"];
  expect(canRunAgain({ ...batch, beganOutside: false }, lost, sql)).toBe(false);
  expect(canRunAgain({ ...batch, hasResult: true }, lost, sql)).toBe(false);
  expect(canRunAgain({ ...batch, hasCopied: true }, lost, sql)).toBe(false);
  expect(canRunAgain(batch, { ...lost, hasRows: true }, sql)).toBe(false);
  expect(canRunAgain(batch, { ...lost, fields: null }, sql)).toBe(false);
  expect(canRunAgain(batch, { ...lost, fields: new Map([["C", "57P02"]]) }, sql)).toBe(false);
});

test("a statement that commits on its way is not run again, wherever it stands", () => {
  for (const sql of [
    "CALL pay()",
    "DO $$ BEGIN COMMIT; END $$",
    "INSERT INTO t VALUES (1); COMMIT; SELECT 1",
    "-- select\nCALL pay()",
    "/* select */ VACUUM t",
    "/* /* a */ select 1 */ CALL pay()",
  ]) {
    expect(canRunAgain(batch, lost, [sql]), sql).toBe(false);
  }
});
