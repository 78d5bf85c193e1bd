/** Goal: starts are let in as far as there is memory, in order, and whoever waits in vain is told why. */
import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { MemoryHolder } from "./memory-holder.ts";
import { MemoryRoom, type MemoryShare } from "./memory-room.ts";
import type { Claimant } from "./places.ts";

const MiB = 1024 * 1024;

class Claims implements Claimant {
  readonly spec = { app: "shop" } as VersionSpec;
  isWanted = true;

  isAwaited(): boolean {
    return this.isWanted;
  }
}

function setup(budgetBytes = 100 * MiB) {
  const room = new MemoryRoom(new StillClock());
  room.budgetBytes = budgetBytes;
  return { room, shop: new Claims() };
}

/** How a start stands, after everything that can happen now has. */
async function stateOf(start: Promise<MemoryShare>): Promise<string> {
  const waits = Promise.resolve().then(() => Promise.resolve("waits"));
  return await Promise.race([
    start.then(
      () => "in",
      ({ code }) => code,
    ),
    waits,
  ]);
}

const holderOf = (state: MemoryHolder["state"]) => ({ state }) as MemoryHolder;

test("a start gets its share at once when it fits", async () => {
  const { room, shop } = setup();

  await room.take(shop, 60 * MiB);

  expect(room.usedBytes).toBe(60 * MiB);
  expect([room.has(40 * MiB), room.has(41 * MiB)]).toEqual([true, false]);
});

test("a start that does not fit waits until another one gives back, and says that it waits", async () => {
  const { room, shop } = setup();
  let told = 0;
  room.onWaiting.push(() => {
    told += 1;
  });
  const first = await room.take(shop, 60 * MiB);

  const second = room.take(shop, 60 * MiB);
  expect([await stateOf(second), told, room.wantedBytes]).toEqual(["waits", 1, 60 * MiB]);
  first.release();
  first.release();

  expect(await stateOf(second)).toBe("in");
  expect(room.usedBytes).toBe(60 * MiB);
});

test("who came first is let in first, also when a later one would fit", async () => {
  const { room, shop } = setup();
  await room.take(shop, 60 * MiB);

  const large = room.take(shop, 50 * MiB);
  const small = room.take(shop, 10 * MiB);

  expect([await stateOf(large), await stateOf(small)]).toEqual(["waits", "waits"]);
  expect(room.has(1)).toBe(false);
});

test("what is measured counts instead of what was expected, once it has started", async () => {
  const { room, shop } = setup();
  const share = await room.take(shop, 60 * MiB);
  share.memory = { ramBytes: 10 * MiB, swapBytes: 0 };

  share.holder = holderOf("starting");
  expect(room.usedBytes).toBe(60 * MiB);
  share.holder = holderOf("warm");
  expect(room.usedBytes).toBe(10 * MiB);
});

test("a start that can never fit is told so at once", async () => {
  const { room, shop } = setup();
  room.othersBytes = 50 * MiB;

  const error = await room.take(shop, 51 * MiB).catch((thrown) => thrown);

  expect(error.code).toBe("HOST_MEMORY_FULL");
  expect(error.message).toContain("51 MiB, and 50 MiB of the node's 100 MiB are in use");
  expect(room.waiting).toBe(0);
});

test("a start that nobody awaits any more is let go", async () => {
  const { room, shop } = setup();
  const first = await room.take(shop, 100 * MiB);
  const start = room.take(shop, 10 * MiB);

  shop.isWanted = false;
  room.tick();

  expect(await stateOf(start)).toBe("HOST_MEMORY_FULL");
  first.release();
  expect(room.usedBytes).toBe(0);
});

test("nothing starts while the machine suffers, whatever would fit", async () => {
  const { room, shop } = setup();
  room.isOver = true;

  const start = room.take(shop, 1);
  expect(await stateOf(start)).toBe("waits");
  room.isOver = false;
  room.tick();

  expect(await stateOf(start)).toBe("in");
});
