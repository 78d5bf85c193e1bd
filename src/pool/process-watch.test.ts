import { expect, test } from "bun:test";
import type { VersionSpec } from "../base/version-spec.ts";
import {
  pingIntervalMs,
  tickMs,
  unresponsiveTimeoutMs,
  unresponsiveTimeoutMsMin,
} from "./limits.ts";
import { ProcessWatch } from "./process-watch.ts";

function setup(limits: { requestTimeoutMs?: number } = {}, instancesMax = 1) {
  const spec = {
    app: "shop",
    instances: { min: 1, max: instancesMax },
    limits: { requestTimeoutMs: 30_000, ...limits },
  } as VersionSpec;
  const process = { pings: 0, running: 0, answers: true };
  let nowMs = 5000;
  const watch = new ProcessWatch(
    spec,
    {
      ping: () => {
        process.pings += 1;
        if (process.answers) watch.onPong(nowMs);
      },
      running: () => process.running,
    },
    nowMs,
  );
  return {
    process,
    watch,
    /** Looks every tick for so long; gives the first reason to end the process. */
    run: (forMs: number) => {
      for (const untilMs = nowMs + forMs; nowMs < untilMs; ) {
        nowMs += tickMs;
        const cause = watch.look(nowMs);
        if (cause !== null) return cause.code;
      }
      return null;
    },
    now: () => nowMs,
    pause: (ms: number) => {
      nowMs += ms;
    },
  };
}

test("a process that answers is pinged now and then, and left alone", () => {
  const { process, run } = setup();

  expect(run(60_000)).toBeNull();
  expect(process.pings).toBe(60_000 / pingIntervalMs);
});

test("one that stops to answer is ended after its time", () => {
  const { process, run } = setup();
  run(5000);
  process.answers = false;

  expect(run(unresponsiveTimeoutMs - 2 * pingIntervalMs)).toBeNull();
  expect(run(3 * pingIntervalMs)).toBe("APP_UNRESPONSIVE");
});

test("a shorter time for requests makes it shorter, but not too short", () => {
  const { process, run } = setup({ requestTimeoutMs: 1 });
  process.answers = false;

  expect(run(unresponsiveTimeoutMsMin - tickMs)).toBeNull();
  expect(run(2 * tickMs)).toBe("APP_UNRESPONSIVE");
});

test("a pause of the node, or of the process, is no silence", () => {
  const { process, run, pause } = setup();
  process.answers = false;
  run(5000);

  pause(3_600_000);

  expect(run(unresponsiveTimeoutMs - 2 * tickMs)).toBeNull();
});

test("where another instance may help, its lateness is known at any time", () => {
  const { process, watch, run, now } = setup({}, 2);
  run(5000);
  expect(process.pings).toBe(5000 / tickMs);
  expect(watch.lagMs(now())).toBe(0);
  process.answers = false;

  run(5 * tickMs);

  expect(watch.lagMs(now())).toBe(4 * tickMs);
  watch.onPong(now());
  expect(watch.lagMs(now())).toBe(4 * tickMs);
  process.answers = true;
  run(tickMs);
  expect(watch.lagMs(now())).toBe(0);
});

test("time it was frozen is not lateness", () => {
  const { process, watch, run, pause, now } = setup({}, 2);
  process.answers = false;
  run(5 * tickMs);

  pause(60_000);
  watch.onWoken(now());

  expect(watch.lagMs(now())).toBe(0);
});

test("one that is silent while requests run has until their deadline, and no longer", () => {
  const { process, run } = setup({ requestTimeoutMs: 20_000 });
  run(5000);
  process.answers = false;
  process.running = 1;

  expect(run(20_000 - tickMs)).toBeNull();
  expect(run(pingIntervalMs + 2 * tickMs)).toBe("APP_UNRESPONSIVE");
});

test("when the deadline has passed and nobody waits any more, it is ended at once", () => {
  const { process, run } = setup({ requestTimeoutMs: 3000 });
  process.answers = false;
  process.running = 1;
  run(3000);

  process.running = 0;

  expect(run(tickMs)).toBe("APP_UNRESPONSIVE");
});
