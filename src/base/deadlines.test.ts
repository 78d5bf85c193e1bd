import { describe, expect, test } from "bun:test";
import { systemClock } from "./clock.ts";
import { StillClock } from "./clock-for-tests.ts";
import { type Deadlined, Deadlines, deadlineTickMs } from "./deadlines.ts";
import { randomOf, testSeed } from "./random-for-tests.ts";

/** Time stands still but for `tick`, which lets so many milliseconds pass and looks. */
function setup() {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const fired: { name: string; atMs: number }[] = [];
  return {
    clock,
    deadlines,
    fired,
    item: (name: string, afterMs = Number.POSITIVE_INFINITY): Deadlined => {
      const item: Deadlined = {
        deadlineMs: deadlines.after(afterMs),
        onDeadline: () => fired.push({ name, atMs: clock.timeMs }),
      };
      deadlines.add(item);
      return item;
    },
    /** Ticks of the usual length until `untilMs`. */
    run: (untilMs: number) => {
      while (clock.timeMs < untilMs) {
        clock.timeMs += deadlineTickMs;
        deadlines.advance();
      }
    },
  };
}

describe("a deadline", () => {
  test("is never early and at most two ticks late", () => {
    const { clock, fired, item, run } = setup();
    // Set between two ticks, when the latest tick is as old as it gets.
    clock.timeMs = deadlineTickMs - 1;
    item("a", 1000);

    run(2000);

    expect(fired).toHaveLength(1);
    expect(fired[0]!.atMs).toBeGreaterThanOrEqual(deadlineTickMs - 1 + 1000);
    expect(fired[0]!.atMs).toBeLessThanOrEqual(deadlineTickMs - 1 + 1000 + 2 * deadlineTickMs);
  });

  test("fires once, until a new one is set", () => {
    const { deadlines, fired, item, run } = setup();
    const a = item("a", 500);

    run(5000);
    expect(fired).toHaveLength(1);
    expect(a.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    a.deadlineMs = deadlines.after(500);
    run(10_000);

    expect(fired).toHaveLength(2);
  });

  test("moved nearer fires at the nearer time", () => {
    const { deadlines, fired, item, run } = setup();
    const a = item("a", 1_000_000);

    run(1000);
    a.deadlineMs = deadlines.after(100);
    run(1000 + 3 * deadlineTickMs);

    expect(fired).toHaveLength(1);
  });

  test("moved farther does not fire at the nearer time", () => {
    const { deadlines, fired, item, run } = setup();
    const a = item("a", 1000);

    for (let step = 1; step <= 20; step++) {
      run(step * 900);
      a.deadlineMs = deadlines.after(1000);
    }
    expect(fired).toEqual([]);
    run(20_000);

    expect(fired).toHaveLength(1);
  });

  test("of a removed item does not fire, and removing twice is safe", () => {
    const { deadlines, fired, item, run } = setup();
    const a = item("a", 500);

    deadlines.remove(a);
    deadlines.remove(a);
    run(5000);

    expect(fired).toEqual([]);
  });

  test("fires once after a long pause of the process, a tick later, so that what has come can be read", () => {
    const { clock, deadlines, fired, item, run } = setup();
    item("a", 500);
    item("b", 3_600_000);
    item("c");

    clock.timeMs = 10 * 3_600_000;
    deadlines.advance();
    expect(fired).toEqual([]);
    run(clock.timeMs + 10 * deadlineTickMs);

    expect(fired.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("fires in a process that is held up all the time", () => {
    const { clock, deadlines, fired, item } = setup();
    item("a", 500);

    for (let tick = 0; tick < 2; tick++) {
      clock.timeMs += 60_000;
      deadlines.advance();
    }

    expect(fired).toHaveLength(1);
  });

  test("set while another fires counts from now", () => {
    const { deadlines, fired, item, run } = setup();
    const first: Deadlined = {
      deadlineMs: deadlines.after(500),
      onDeadline: () => {
        deadlines.remove(first);
        item("second", 500);
      },
    };
    deadlines.add(first);

    run(900);
    expect(fired).toEqual([]);
    run(1500);

    expect(fired).toHaveLength(1);
  });
});

test("10,000 items that move at random fire within two ticks of their latest deadline", () => {
  const { clock, deadlines, run } = setup();
  const seed = testSeed();
  const next = randomOf(seed);
  let fired = 0;
  const late: number[] = [];
  const items = Array.from({ length: 10_000 }, () => {
    const item = {
      deadlineMs: deadlines.after(next(60_000)),
      dueMs: 0,
      onDeadline() {
        fired += 1;
        const lateMs = clock.timeMs - item.dueMs;
        if (lateMs < 0 || lateMs > deadlineTickMs) late.push(lateMs);
      },
    };
    item.dueMs = item.deadlineMs;
    deadlines.add(item);
    return item;
  });

  for (let atMs = 1000; atMs <= 60_000; atMs += 1000) {
    run(atMs);
    for (let moves = 0; moves < 500; moves++) {
      const item = items[next(items.length)]!;
      if (item.deadlineMs === Number.POSITIVE_INFINITY) continue;
      item.deadlineMs = deadlines.after(next(60_000));
      item.dueMs = item.deadlineMs;
    }
  }
  run(200_000);

  expect(late, `seed ${seed}`).toEqual([]);
  expect(fired, `seed ${seed}`).toBe(10_000);
});

test("the timer looks by itself, from start to stop", async () => {
  const deadlines = new Deadlines(systemClock);
  const fired = Promise.withResolvers<void>();
  const item = { deadlineMs: deadlines.after(0), onDeadline: () => fired.resolve() };
  deadlines.add(item);

  deadlines.start();
  deadlines.start();
  await fired.promise;
  deadlines.stop();
  deadlines.stop();

  expect(item.deadlineMs).toBe(Number.POSITIVE_INFINITY);
});

describe("the timer", () => {
  test("rests while nothing has a deadline, and knows the time when something gets one", () => {
    const { clock, deadlines, item } = setup();
    deadlines.start();
    const a = item("a");
    clock.timeMs += deadlineTickMs;
    deadlines.advance();
    expect(deadlines.isResting).toBe(true);

    clock.timeMs += 3_600_000;
    a.deadlineMs = deadlines.after(1000);

    expect(deadlines.isResting).toBe(false);
    expect(a.deadlineMs).toBeGreaterThanOrEqual(clock.timeMs + 1000);
    deadlines.stop();
  });

  test("goes on while one deadline is left, also one that was set when the last one fired", () => {
    const { clock, deadlines, item } = setup();
    deadlines.start();
    const a = item("a", 0);
    const b = item("b");
    a.onDeadline = () => {
      b.deadlineMs = deadlines.after(1000);
    };

    for (let tick = 0; tick < 4; tick++) {
      clock.timeMs += deadlineTickMs;
      deadlines.advance();
    }

    expect(a.deadlineMs).toBe(Number.POSITIVE_INFINITY);
    expect(deadlines.isResting).toBe(false);
    deadlines.stop();
  });
});
