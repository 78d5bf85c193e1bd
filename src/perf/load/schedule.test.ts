import { describe, expect, test } from "bun:test";
import { Schedule } from "./schedule.ts";

const always = Number.NEGATIVE_INFINITY;

describe("a schedule", () => {
  test("has its requests due at even distances, without adding up rounding", () => {
    const schedule = new Schedule(1000, 3);
    for (let count = 0; count < 3_000_000; count++) schedule.take(schedule.dueMs, always);

    expect(schedule.dueMs).toBe(1000 + 1_000_000_000);
  });

  test("counts latency from when a request was due when every connection was busy then", () => {
    const schedule = new Schedule(0, 100);

    expect(schedule.take(500, 500)).toBe(0);
    expect(schedule.take(500, 500)).toBe(10);
    expect(schedule.take(500.5, 500)).toBe(20);
  });

  test("forgives what its own timer is late by, and no more", () => {
    const schedule = new Schedule(0, 100);

    expect(schedule.take(1.5, always)).toBe(1.5);
    expect(schedule.take(12.5, always)).toBe(10);
    // A connection was there, but only after it was due.
    expect(schedule.take(20.5, 20.2)).toBe(20);
  });

  test("knows what was due and never taken", () => {
    const schedule = new Schedule(0, 100);

    expect(schedule.untakenBefore(0)).toBe(0);
    expect(schedule.untakenBefore(1000)).toBe(100);
    schedule.take(0, always);
    expect(schedule.untakenBefore(1000)).toBe(99);
    expect(schedule.untakenBefore(5)).toBe(0);
  });
});
