import { expect, test } from "bun:test";
import { decideIdle, type IdleFacts } from "./idle.ts";
import { drainTimeoutMsMin, supersededIdleMs } from "./limits.ts";

/** Of a version with one instance, unless a case says more. */
type Facts = Omit<IdleFacts, "versionIdleMs"> & { versionIdleMs?: number };

const live: Facts = {
  state: "warm",
  open: 0,
  idleMs: 0,
  idleFreezeMs: 1000,
  idleStopMs: 5000,
  isSuperseded: false,
  supersededMs: 0,
  requestTimeoutMs: 100,
};
const old: Facts = { ...live, isSuperseded: true };

const cases: [string, ReturnType<typeof decideIdle>, Facts][] = [
  ["used a moment ago", "stay", { ...live, idleMs: 999 }],
  ["idle long enough", "freeze", { ...live, idleMs: 1000 }],
  ["frozen already", "stay", { ...live, state: "frozen", idleMs: 4999 }],
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
