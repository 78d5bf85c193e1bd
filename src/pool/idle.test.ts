import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { decideIdle, type IdleFacts, sleepsMs } from "./idle.ts";
import { drainTimeoutMsMin, supersededIdleMs } from "./limits.ts";

/** Of a version with one instance, unless a case says more. */
type Facts = Omit<IdleFacts, "versionIdleMs"> & { versionIdleMs?: number };

const live: Facts = {
  state: "warm",
  open: 0,
  idleMs: 0,
  isPageable: false,
  pagerWaitMs: 0,
  idleFreezeMs: 1000,
  idlePageMs: 2000,
  idleStopMs: 5000,
  isSuperseded: false,
  supersededMs: 0,
  requestTimeoutMs: 100,
};
const frozen: Facts = { ...live, state: "frozen", isPageable: true };
const old: Facts = { ...live, isSuperseded: true };

const cases: [string, ReturnType<typeof decideIdle>, Facts][] = [
  ["used a moment ago", "stay", { ...live, idleMs: 999 }],
  ["idle long enough", "freeze", { ...live, idleMs: 1000 }],
  ["frozen already", "stay", { ...live, state: "frozen", idleMs: 4999 }],
  ["frozen, idle long enough", "page", { ...frozen, idleMs: 2000 }],
  ["frozen a moment ago", "stay", { ...frozen, idleMs: 1999 }],
  ["frozen, and swap is full", "stay", { ...frozen, pagerWaitMs: 1, idleMs: 4999 }],
  ["frozen, with paging switched off", "stay", { ...frozen, idlePageMs: 0, idleMs: 4999 }],
  ["frozen, to be paged before it is frozen", "freeze", { ...live, idlePageMs: 1, idleMs: 1000 }],
  ["paged already", "stay", { ...live, state: "paged", idleMs: 4999 }],
  ["paged and idle for long", "stop", { ...live, state: "paged", idleMs: 5000 }],
  ["frozen and idle for long", "stop", { ...live, state: "frozen", idleMs: 5000 }],
  [
    "idle for long beside one that is used",
    "stay",
    { ...live, state: "frozen", idleMs: 5000, versionIdleMs: 4999 },
  ],
  ["idle for long, never frozen", "stop", { ...live, idleFreezeMs: 0, idleMs: 5000 }],
  ["idle, with freezing switched off", "stay", { ...live, idleFreezeMs: 0, idleMs: 4999 }],
  [
    "idle for ever, with both switched off",
    "stay",
    { ...live, idleFreezeMs: 0, idleStopMs: 0, idleMs: 1e12 },
  ],
  ["idle for ever by its clock, but in use", "stay", { ...live, open: 1, idleMs: 1e12 }],
  [
    "superseded and idle a moment",
    "freeze",
    { ...old, idleMs: supersededIdleMs - 1, idleStopMs: 0 },
  ],
  ["superseded and idle", "stop", { ...old, idleMs: supersededIdleMs, idleStopMs: 0 }],
  [
    "superseded, in use, within its time",
    "stay",
    { ...old, open: 1, supersededMs: drainTimeoutMsMin - 1 },
  ],
  [
    "superseded, in use, its time over",
    "drain",
    { ...old, open: 1, supersededMs: drainTimeoutMsMin },
  ],
  [
    "superseded, with a request that may take longer",
    "stay",
    { ...old, open: 1, supersededMs: drainTimeoutMsMin, requestTimeoutMs: drainTimeoutMsMin + 1 },
  ],
  [
    "superseded before it was started for its own URL",
    "stay",
    { ...old, open: 1, supersededMs: 0 },
  ],
];

test.each(cases)("a process %s: %s", (_what, decision, facts) => {
  expect(decideIdle({ versionIdleMs: facts.idleMs, ...facts })).toBe(decision);
});

/** Goal: no instance sleeps past its time. Method: random facts, and the same ones later. */
test("one that sleeps has nothing decided about it before the time it says, and something at that time", () => {
  const seed = testSeed();
  const next = randomOf(seed);
  for (let round = 0; round < 2000; round++) {
    const idleMs = next(20_000);
    const facts: IdleFacts = {
      ...live,
      state: "frozen",
      idleMs,
      versionIdleMs: next(idleMs + 1),
      isPageable: next(2) === 0,
      pagerWaitMs: next(2) * next(5000),
      idlePageMs: next(2) * next(20_000),
      idleStopMs: next(2) * next(20_000),
      isSuperseded: next(2) === 0,
    };
    const later = (ms: number): IdleFacts => ({
      ...facts,
      idleMs: facts.idleMs + ms,
      versionIdleMs: facts.versionIdleMs + ms,
      pagerWaitMs: Math.max(0, facts.pagerWaitMs - ms),
    });

    const forMs = sleepsMs(facts);

    const what = `seed ${seed}, ${JSON.stringify(facts)}`;
    if (forMs === Number.POSITIVE_INFINITY) {
      expect(decideIdle(later(1e12)), what).toBe("stay");
    } else {
      if (forMs > 0) expect(decideIdle(later(forMs - 1)), what).toBe("stay");
      expect(decideIdle(later(forMs)), what).not.toBe("stay");
    }
  }
});

test("one that is awake or in use is looked at with every tick", () => {
  expect(sleepsMs({ ...live, versionIdleMs: 0 })).toBe(0);
  expect(sleepsMs({ ...live, state: "frozen", open: 1, versionIdleMs: 0 })).toBe(0);
});
