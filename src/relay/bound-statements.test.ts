import { expect, test } from "bun:test";
import { textsRunBy } from "./bound-statements.ts";

const message = (type: string, ...fields: string[]): Buffer => {
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(""));
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
};
const bind = (name: string) => message("B", "", name);
const sync = message("S");

const statements = new Map([
  ["find", "SELECT 1"],
  ["end", "COMMIT"],
  ["", "DELETE FROM loaves"],
]);
const run = (bytes: Buffer[], sql: string[] = [], isOverfull = false) =>
  textsRunBy({ isOverfull, sql: () => [...sql] }, Buffer.concat(bytes), (name) =>
    statements.get(name),
  );

test("only what a batch binds counts, not all that was prepared", () => {
  expect(run([bind("find"), message("E", ""), sync])).toEqual(["SELECT 1"]);
  expect(run([bind("end"), bind("find"), sync])).toEqual(["COMMIT", "SELECT 1"]);
});

test("what comes behind the batch is not a part of it", () => {
  expect(run([bind("find"), sync, bind("end"), sync])).toEqual(["SELECT 1"]);
});

test("what the batch itself prepares is there once", () => {
  expect(run([message("P", "new", "SELECT 2"), bind("new"), sync], ["SELECT 2"])).toEqual([
    "SELECT 2",
  ]);
});

test("what is run before its name is prepared anew counts as well", () => {
  const anew = [message("C", "Send"), message("P", "end", "SELECT 2"), bind("end"), sync];
  expect(run([bind("end"), ...anew], ["SELECT 2"])).toEqual(["SELECT 2", "COMMIT"]);
  expect(run([bind(""), message("P", "", "SELECT 2"), sync], ["SELECT 2"])).toEqual([
    "SELECT 2",
    "unknown",
  ]);
});

test("a batch with more texts than are remembered runs something unknown", () => {
  expect(run([sync], ["SELECT 2"], true)).toEqual(["SELECT 2", "unknown"]);
});

test("what nobody has seen, or may be another one by now, is unknown", () => {
  expect(run([bind("of SQL's own PREPARE"), sync])).toEqual(["unknown"]);
  expect(run([bind(""), sync])).toEqual(["unknown"]);
  expect(run([bind("find").subarray(0, 8)])).toEqual(["unknown"]);
});
