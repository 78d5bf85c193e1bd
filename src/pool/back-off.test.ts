import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { BackOff, backOffMs, crashesAfter } from "./back-off.ts";
import { backOffMsMax, backOffMsMin, freeCrashes, healthyAfterMs } from "./limits.ts";

const error = new PlatformError("APP_START_FAILED", ["shop", "BOOT_CRASHED"]);

test("the first crashes cost nothing, then each doubles the wait up to a bound", () => {
  const waits = Array.from({ length: 20 }, (_, crashes) => backOffMs(crashes));

  expect(waits.slice(0, freeCrashes + 1).every((ms) => ms === 0)).toBe(true);
  expect(waits[freeCrashes + 1]).toBe(backOffMsMin);
  expect(waits[freeCrashes + 2]).toBe(backOffMsMin * 2);
  expect(Math.max(...waits)).toBe(backOffMsMax);
  expect(backOffMs(10_000)).toBe(backOffMsMax);
});

test("a process that lived long enough starts a new count", () => {
  expect(crashesAfter(7, healthyAfterMs - 1)).toBe(8);
  expect(crashesAfter(7, healthyAfterMs)).toBe(1);
});

describe("a version that keeps crashing", () => {
  test("is refused with its cause until its wait is over", () => {
    const backOff = new BackOff();
    let nowMs = 1000;
    for (let crash = 0; crash < freeCrashes; crash++) {
      expect(backOff.crashed(error, 0, nowMs)).toBe(0);
      expect(backOff.refusal(nowMs)).toBeNull();
    }

    const waitMs = backOff.crashed(error, 0, nowMs);

    expect(waitMs).toBe(backOffMsMin);
    expect(backOff.refusal(nowMs + waitMs - 1)).toBe(error);
    nowMs += waitMs;
    expect(backOff.refusal(nowMs)).toBeNull();
    expect(backOff.failure).toBe(error);
  });

  test("that starts has no failure any more, and waits longer when it crashes again soon", () => {
    const backOff = new BackOff();
    for (let crash = 0; crash <= freeCrashes; crash++) backOff.crashed(error, 0, 0);

    backOff.started();

    expect(backOff.failure).toBeNull();
    expect(backOff.refusal(0)).toBeNull();
    expect(backOff.crashed(error, 100, 0)).toBe(backOffMsMin * 2);
  });
});
