import { expect, test } from "bun:test";
import { OutcomeTable } from "./outcome-table.ts";

/** As the platform names them; they differ by little. */
const nameOf = (number: number) => `snapshot_cmb${number.toString(36).padStart(8, "0")}`;

test("knows each of its names, with the latest value, and no other name", () => {
  const table = new OutcomeTable(50_000);
  for (let number = 0; number < 50_000; number += 1) table.set(nameOf(number), number);
  table.set(nameOf(7), 8);

  expect(table.count).toBe(50_000);
  expect(table.isFull).toBeTrue();
  let wrong = 0;
  for (let number = 0; number < 50_000; number += 1) {
    if (table.get(nameOf(number)) !== (number === 7 ? 8 : number)) wrong += 1;
  }
  for (let number = 50_000; number < 300_000; number += 1) {
    if (table.get(nameOf(number)) !== -1) wrong += 1;
  }
  expect(wrong).toBe(0);
});

test("is empty when it was cleared, and takes as many again", () => {
  const table = new OutcomeTable(100);
  for (let number = 0; number < 100; number += 1) table.set(nameOf(number), 1);

  table.clear();

  expect([table.count, table.isFull, table.get(nameOf(1))]).toEqual([0, false, -1]);
  for (let number = 100; number < 200; number += 1) table.set(nameOf(number), number);
  expect(table.get(nameOf(150))).toBe(150);
});

test("names that differ in one place are different ones, however long, and in any letters", () => {
  const table = new OutcomeTable(10);
  const long = "x".repeat(5000);

  table.set(long, 1);
  table.set("", 2);
  table.set("ü", 3);

  expect([long, "", "ü"].map((name) => table.get(name))).toEqual([1, 2, 3]);
  expect([`${long}x`, "\0", "ű", long.slice(1)].map((name) => table.get(name))).toEqual(
    Array<number>(4).fill(-1),
  );
});
