import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { SharedLook } from "./shared-look.ts";

/** Looks that end when they are told to. */
function setup() {
  const looks: PromiseWithResolvers<number>[] = [];
  const shared = new SharedLook(() => {
    const look = Promise.withResolvers<number>();
    looks.push(look);
    return look.promise;
  });
  return { looks, shared };
}

test("who asks while a look is under way gets the next one, together with the others", async () => {
  const { looks, shared } = setup();
  const first = shared.ask();
  const later = [shared.ask(), shared.ask(), shared.ask()];
  expect(looks).toHaveLength(1);

  looks[0]!.resolve(1);
  expect(await first).toBe(1);
  await until(() => looks.length === 2);
  looks[1]!.resolve(2);

  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  expect(looks).toHaveLength(2);
});

test("a look that fails fails those who share it, and nobody else", async () => {
  const { looks, shared } = setup();
  const first = shared.ask().catch((error: Error) => error.message);
  const second = shared.ask();

  looks[0]!.reject(new Error("no descriptor left"));
  expect(await first).toBe("no descriptor left");
  await until(() => looks.length === 2);
  looks[1]!.resolve(2);

  expect(await second).toBe(2);
});

test("who asks when nobody looks begins one", async () => {
  const { looks, shared } = setup();
  for (const found of [1, 2]) {
    const asked = shared.ask();
    looks.at(-1)!.resolve(found);
    expect(await asked).toBe(found);
  }

  expect(looks).toHaveLength(2);
});
