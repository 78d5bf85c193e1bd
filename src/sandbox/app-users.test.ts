import { expect, test } from "bun:test";
import { AppUsers } from "./app-users.ts";

test("every instance has an id of its own, also when others were given back", () => {
  const users = new AppUsers("/var/lib/levain");
  const first = users.take();
  const second = users.take();
  users.release(first);

  const third = users.take();

  expect(new Set([first, second, third]).size).toBe(3);
  expect([first, second, third].every((uid) => users.has(uid))).toBe(true);
});

test("an app has a group that no instance has as its user's, the same each time", () => {
  const users = new AppUsers("/var/lib/levain");
  const group = users.groupOf("shop");

  expect(users.groupOf("shop")).toBe(group);
  expect(users.groupOf("cart")).not.toBe(group);
  expect(users.has(group)).toBe(true);
  expect(new Set(Array.from({ length: 100 }, () => users.take())).has(group)).toBe(false);
});

test("two data directories share no id, and the same one has the same after a restart", () => {
  const one = new AppUsers("/var/lib/levain");
  const other = new AppUsers("/srv/levain");

  expect(other.has(one.first)).toBe(false);
  expect(new AppUsers("/var/lib/levain").first).toBe(one.first);
  expect(one.end).toBeLessThan(2 ** 31);
});
