import { describe, expect, test } from "bun:test";
import type { PlatformError } from "../base/errors.ts";
import { resourceLimitsDefault, type VersionLimits } from "../base/version-spec.ts";
import { breachNoteMs, cpuWindowMs, memorySampleMs, tickMs } from "./limits.ts";
import { MemoryCurve } from "./memory-curve.ts";
import { type Resources, ResourceWatch } from "./resource-watch.ts";

const MiB = 1024 * 1024;

function setup(change: Partial<VersionLimits> = {}, isMemoryHeld = true) {
  const limits = {
    ...resourceLimitsDefault,
    memoryBytesMax: 512 * MiB,
    ...change,
  } as VersionLimits;
  const facts = {
    memoryBytes: (10 * MiB) as number | null,
    oomKills: 0,
    processes: null as number | null,
    refused: null as number | null,
    cpu: null as { periods: number; throttled: number } | null,
    looks: 0,
  };
  const resources: Resources = {
    isMemoryHeld,
    memoryBytes: () => {
      facts.looks += 1;
      return facts.memoryBytes;
    },
    oomKills: () => facts.oomKills,
    processes: () => facts.processes,
    processesRefused: () => facts.refused,
    cpu: () => facts.cpu,
  };
  const watch = new ResourceWatch("shop", limits, resources);
  const notes: PlatformError[] = [];
  let nowMs = 5000;
  return {
    watch,
    facts,
    notes,
    now: () => nowMs,
    /** Looks every tick for so long; gives the first reason to end the instance. */
    run(forMs: number, running = 1, each: () => void = () => {}) {
      for (const untilMs = nowMs + forMs; nowMs < untilMs; ) {
        nowMs += tickMs;
        each();
        const cause = watch.look(nowMs, running, (breach) => void notes.push(breach));
        if (cause !== null) return cause;
      }
      return null;
    },
  };
}

describe("memory", () => {
  test("up to its limit is nobody's business, and one byte more ends it with the last samples", () => {
    const s = setup();
    s.facts.memoryBytes = 512 * MiB;
    expect(s.run(3 * memorySampleMs)).toBeNull();

    s.facts.memoryBytes = 512 * MiB + 1;

    const cause = s.run(memorySampleMs + tickMs);
    expect(cause?.code).toBe("OUT_OF_MEMORY");
    expect(cause?.detail).toMatchObject({
      peakBytes: 512 * MiB + 1,
      memoryBytesMax: 512 * MiB,
      samples: expect.arrayContaining([{ msAgo: 0, bytes: 512 * MiB + 1 }]),
    });
  });

  test("that the kernel holds is read once a second", () => {
    const s = setup();
    s.facts.memoryBytes = 500 * MiB;

    s.run(60_000);

    expect(s.facts.looks).toBeLessThanOrEqual(60);
  });

  test("that nobody holds is read the sooner the less there is left", () => {
    const s = setup({}, false);
    s.facts.memoryBytes = 12 * MiB;
    s.run(10_000);
    const far = s.facts.looks;
    s.facts.memoryBytes = 512 * MiB - 1;

    s.run(10_000);

    expect(far).toBeLessThanOrEqual(20);
    expect(s.facts.looks - far).toBeGreaterThanOrEqual(95);
  });

  test("for want of which the kernel has ended a child ends the whole instance", () => {
    const s = setup();
    expect(s.run(3000)).toBeNull();

    s.facts.oomKills = 1;

    const cause = s.run(2 * memorySampleMs);
    // What the kernel saw was its limit, whatever was seen from here.
    expect(cause?.detail).toMatchObject({ peakBytes: 512 * MiB });
    expect(cause?.message).toContain(String(512 * MiB));
  });

  test("that nobody can read is no reason", () => {
    const s = setup();
    s.facts.memoryBytes = null;

    expect(s.run(10_000)).toBeNull();
    expect(s.watch.memoryBytes).toBeNull();
  });

  test("leaves a curve that is bounded", () => {
    const curve = new MemoryCurve();
    for (let at = 0; at < 1000; at++) curve.add(at, at === 500 ? 7777 : at);

    expect(curve.before(1000)).toHaveLength(30);
    expect(curve.before(1000).at(-1)).toEqual({ msAgo: 1, bytes: 999 });
    expect(curve.peakBytes).toBe(7777);
  });
});

describe("processes", () => {
  test("beyond the limit end it where the kernel does not refuse them", () => {
    const s = setup({ processesMax: 100 });
    s.facts.processes = 100;
    expect(s.run(5000)).toBeNull();

    s.facts.processes = 101;

    expect(s.run(5000)?.code).toBe("PROCESSES_EXCEEDED");
  });

  test("that were refused once are told to the log once, and the app goes on", () => {
    const s = setup();
    s.facts.refused = 3;

    expect(s.run(30_000)).toBeNull();

    expect(s.notes.map(({ code }) => code)).toEqual(["PROCESSES_EXCEEDED"]);
    s.facts.refused = 4;
    s.run(2000);
    expect(s.notes).toHaveLength(1);
    s.run(breachNoteMs);
    s.facts.refused = 5;
    s.run(2000);
    expect(s.notes).toHaveLength(2);
  });

  test("that are refused again and again end it", () => {
    const s = setup();
    s.facts.refused = 0;
    const bomb = () => {
      s.facts.refused = (s.facts.refused ?? 0) + 1;
    };

    expect(s.run(30_000, 1, bomb)?.code).toBe("PROCESSES_EXCEEDED");
  });
});

describe("CPU", () => {
  /** Runs all the time, held back in so many of ten spans. */
  function busy(s: ReturnType<typeof setup>, throttledOfTen: number) {
    s.facts.cpu ??= { periods: 0, throttled: 0 };
    s.facts.cpu = {
      periods: s.facts.cpu.periods + 1,
      throttled: s.facts.cpu.throttled + throttledOfTen / 10,
    };
  }

  test("that is refused most of the time while requests wait is told to the log, and the app goes on", () => {
    const s = setup({ cpuCoresMax: 0.5 });

    expect(s.run(4 * cpuWindowMs, 3, () => busy(s, 8))).toBeNull();

    expect(s.notes.map(({ code }) => code)).toEqual(["CPU_STARVED"]);
    expect(s.notes[0]?.detail).toEqual({
      cpuCoresMax: 0.5,
      throttledPercent: 80,
      requestsRunning: 3,
    });
  });

  test("that is refused now and then, or while nobody waits, or without a quota, is nothing to tell", () => {
    const seldom = setup({ cpuCoresMax: 0.5 });
    seldom.run(4 * cpuWindowMs, 3, () => busy(seldom, 3));
    const alone = setup({ cpuCoresMax: 0.5 });
    alone.run(4 * cpuWindowMs, 0, () => busy(alone, 9));
    const free = setup();
    free.run(4 * cpuWindowMs, 3, () => busy(free, 9));

    expect([seldom.notes, alone.notes, free.notes]).toEqual([[], [], []]);
  });
});
