import { describe, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { StillClock } from "../base/clock-for-tests.ts";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { tickMs } from "./limits.ts";
import { type Ticked, Ticks } from "./ticks.ts";

/** Time stands still but for `pass`, which also looks. */
function setup() {
  const clock = new StillClock();
  const ticks = new Ticks(clock);
  return {
    clock,
    ticks,
    /** Gives each look the next of the times, the last one again and again. */
    item: (...dueMs: number[]): Ticked & { looks: number[] } => {
      const looks: number[] = [];
      const tick = (nowMs: number) => {
        looks.push(nowMs);
        return dueMs[Math.min(looks.length, dueMs.length) - 1]!;
      };
      return { looks, tick };
    },
    pass: (ms = tickMs) => {
      clock.timeMs += ms;
      ticks.advance();
    },
    [Symbol.dispose]: () => ticks.stop(),
  };
}

describe("what is awake", () => {
  test("is looked at with every tick", () => {
    using s = setup();
    const item = s.item(0);
    s.ticks.awaken(item);

    for (let tick = 0; tick < 3; tick++) s.pass();

    expect(item.looks).toHaveLength(3);
    expect(s.ticks.awake).toBe(1);
  });

  test("is not looked at before it was awoken, nor after it was removed", () => {
    using s = setup();
    const item = s.item(0);
    s.pass();
    s.ticks.awaken(item);
    s.ticks.remove(item);
    s.ticks.remove(item);

    s.pass();

    expect(item.looks).toEqual([]);
  });

  test("may remove itself and awaken others while it is looked at", () => {
    using s = setup();
    const other = s.item(0);
    const item: Ticked = {
      tick: () => {
        s.ticks.remove(item);
        s.ticks.awaken(other);
        return 0;
      },
    };
    s.ticks.awaken(item);

    s.pass();

    expect(other.looks).toHaveLength(1);
    expect(s.ticks.awake).toBe(1);
  });
});

describe("what sleeps", () => {
  test("is looked at when it is due, and not before", () => {
    using s = setup();
    const item = s.item(10_000, Number.POSITIVE_INFINITY);
    s.ticks.awaken(item);
    s.pass();

    s.pass(9000);
    expect(item.looks).toHaveLength(1);
    s.pass(1000);
    s.pass(3_600_000);

    expect(item.looks).toEqual([tickMs, 10_000 + tickMs]);
    expect(s.ticks.awake).toBe(0);
  });

  test("is looked at with the next tick when it is awoken", () => {
    using s = setup();
    const item = s.item(1e9);
    s.ticks.awaken(item);
    s.pass();

    s.ticks.awaken(item);
    s.pass();

    expect(item.looks).toHaveLength(2);
  });
});

/** Goal: nobody is forgotten, and nobody looked at in vain. Method: many that sleep for random times and are awoken at random. */
test("each is looked at in the first tick after it is due or was awoken, and in no other", () => {
  using s = setup();
  const seed = testSeed();
  const next = randomOf(seed);
  const wrong: string[] = [];
  const items = Array.from({ length: 200 }, (_, index) => {
    const item = {
      dueMs: 0,
      lookedAtMs: -1,
      tick(nowMs: number) {
        if (nowMs < item.dueMs) wrong.push(`${index} at ${nowMs}, due at ${item.dueMs}`);
        item.lookedAtMs = nowMs;
        const forMs = next(4) === 0 ? 0 : next(20_000);
        item.dueMs = next(20) === 0 ? Number.POSITIVE_INFINITY : nowMs + forMs;
        return item.dueMs;
      },
    };
    s.ticks.awaken(item);
    return item;
  });

  for (let tick = 0; tick < 5000; tick++) {
    for (let count = next(5); count > 0; count--) {
      const item = items[next(items.length)]!;
      item.dueMs = Math.min(item.dueMs, s.clock.timeMs);
      s.ticks.awaken(item);
    }
    const due = items.filter(({ dueMs }) => dueMs <= s.clock.timeMs + tickMs);
    s.pass();
    for (const { lookedAtMs } of due) {
      if (lookedAtMs !== s.clock.timeMs) wrong.push(`not at ${s.clock.timeMs}`);
    }
  }

  expect(wrong, `seed ${seed}`).toEqual([]);
});

describe("the timer", () => {
  test("comes by itself, also for what sleeps", async () => {
    const ticks = new Ticks(systemClock);
    const { promise, resolve } = Promise.withResolvers<number>();
    let looks = 0;
    const item: Ticked = {
      tick: (nowMs) => {
        looks += 1;
        if (looks === 2) resolve(nowMs);
        return looks === 1 ? nowMs + 2 * tickMs : Number.POSITIVE_INFINITY;
      },
    };

    const startedAtMs = systemClock.nowMs();
    ticks.awaken(item);
    const atMs = await promise;
    ticks.stop();
    ticks.stop();

    expect(atMs - startedAtMs).toBeGreaterThanOrEqual(3 * tickMs - 2);
  });

  test("comes early when something is awoken while it waits for a sleeper", async () => {
    const ticks = new Ticks(systemClock);
    const { promise, resolve } = Promise.withResolvers<void>();
    let looks = 0;
    const item: Ticked = {
      tick: (nowMs) => {
        looks += 1;
        if (looks === 1) setTimeout(() => ticks.awaken(item), 1);
        else resolve();
        return nowMs + 3_600_000;
      },
    };

    ticks.awaken(item);
    await promise;
    ticks.stop();

    expect(ticks.awake).toBe(0);
  });
});
