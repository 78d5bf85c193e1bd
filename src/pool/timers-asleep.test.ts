/**
 * Goal: what docs/app-process.md says of timers that came due while a process slept. Method: a real process that is frozen
 * for several of their times.
 */
import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { bodyOf, TestPools } from "./pool-for-tests.ts";

interface Facts {
  fired: { what: string; atMs: number; wallMs: number }[];
  atMs: number;
  wallMs: number;
}

test("timers that came due during a sleep fire once when it is over, and clocks have gone on", async () => {
  await using t = new TestPools();
  const pool = t.pool("arms-timers");
  const facts = async (path = "/"): Promise<Facts> => JSON.parse(await bodyOf(pool, path));
  await facts();
  const armed = await facts("/arm?ms=300");
  expect(pool.freeze()).toBeTrue();
  const frozenAtMs = performance.now();
  // Time passes, and nothing else: five intervals.
  await until(() => performance.now() - frozenAtMs > 1500);

  const woken = await facts();
  let after = woken;
  await until(async () => {
    after = await facts();
    return after.fired.length >= 4;
  });

  const names = after.fired.slice(0, 4).map(({ what }) => what);
  // Not five times, though five were due.
  expect(names.toSorted()).toEqual(["interval", "signal", "sleep", "timeout"]);
  for (const { atMs, wallMs } of after.fired) {
    expect(atMs - armed.atMs).toBeGreaterThan(1400);
    expect(wallMs - armed.wallMs).toBeGreaterThan(1400);
  }
  expect(woken.atMs - armed.atMs).toBeGreaterThan(1400);
  // The interval goes on from there.
  await until(async () => (await facts()).fired.length > 4);
  const intervals = (await facts()).fired.filter(({ what }) => what === "interval");
  expect(intervals[1]!.atMs - intervals[0]!.atMs).toBeGreaterThan(250);
});
