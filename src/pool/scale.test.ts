/** Goal: instances come when they help, stay while they are needed, and go. Method: loads as data, a clock of our own. */
import { describe, expect, test } from "bun:test";
import type { VersionSpec } from "../base/version-spec.ts";
import {
  busyLagMs,
  busyMsMin,
  busyRunningMin,
  memorySampleMs,
  surplusMsMin,
  tickMs,
} from "./limits.ts";
import { decideScale, isBusy, Scale, type ScaleFacts } from "./scale.ts";

const calm: ScaleFacts = {
  min: 1,
  max: 3,
  ready: 2,
  isAwake: true,
  processes: 2,
  waiting: 0,
  busyMs: 0,
  surplusMs: 0,
};

const cases: [string, ReturnType<typeof decideScale>, ScaleFacts][] = [
  ["calm", "stay", calm],
  ["busy for a moment", "stay", { ...calm, busyMs: busyMsMin - 1 }],
  ["busy for long enough", "start", { ...calm, busyMs: busyMsMin }],
  ["busy with all it may have", "stay", { ...calm, processes: 3, busyMs: 1e6, waiting: 9 }],
  ["with requests that wait", "start", { ...calm, waiting: 1 }],
  ["below its minimum", "start", { ...calm, min: 3 }],
  ["below its minimum, asleep", "stay", { ...calm, min: 3, isAwake: false }],
  ["below its minimum, one on its way out", "stay", { ...calm, min: 3, processes: 3 }],
  ["with one too many for a moment", "stay", { ...calm, surplusMs: surplusMsMin - 1 }],
  ["with one too many for long", "retire", { ...calm, surplusMs: surplusMsMin }],
  ["at its minimum, for long", "stay", { ...calm, min: 2, surplusMs: surplusMsMin }],
  [
    "asleep, with one too many for long",
    "retire",
    { ...calm, isAwake: false, surplusMs: surplusMsMin },
  ],
];

test.each(cases)("a version that is %s: %s", (_what, decision, facts) => {
  expect(decideScale(facts)).toBe(decision);
});

test("many requests that wait for something else make no instance busy", () => {
  expect(isBusy({ running: 90, lagMs: busyLagMs - 1, cpuShare: 0.5 }, 100)).toBe(false);
});

test("one long request alone makes no instance busy, and another one beside it does", () => {
  expect(isBusy({ running: 1, lagMs: 1e6, cpuShare: 1 }, 100)).toBe(false);
  expect(isBusy({ running: busyRunningMin, lagMs: busyLagMs, cpuShare: 0 }, 100)).toBe(true);
});

test("an instance without room is busy", () => {
  expect(isBusy({ running: 1, lagMs: 0, cpuShare: 0 }, 1)).toBe(true);
});

describe("looked at every tick", () => {
  /** What is in `instances` is looked at for so long; gives what was decided first, and when. */
  function setup(max = 3) {
    const spec = { instances: { min: 1, max }, limits: { concurrencyMax: 100 } } as VersionSpec;
    const scale = new Scale(spec);
    let nowMs = 1000;
    const instances: {
      state: string;
      running: number;
      lagMs(): number;
      cpuMsSinceLast(): number;
    }[] = [];
    return {
      add: (running: number, lagMs: number, cpuShare: number, state = "warm") => {
        let sampledAtMs = nowMs;
        instances.push({
          state,
          running,
          lagMs: () => lagMs,
          cpuMsSinceLast: () => {
            const usedMs = (nowMs - sampledAtMs) * cpuShare;
            sampledAtMs = nowMs;
            return usedMs;
          },
        });
      },
      run: (forMs: number, stepMs = tickMs) => {
        const startMs = nowMs;
        while (nowMs - startMs < forMs) {
          nowMs += stepMs;
          const decision = scale.look(instances, instances.length, 0, nowMs);
          if (decision !== "stay") return decision;
        }
        return "stay";
      },
    };
  }

  test("busy instances get another one, once each time", () => {
    const s = setup();
    s.add(5, 50, 1);

    expect(s.run(busyMsMin + 2 * tickMs)).toBe("start");
    expect(s.run(busyMsMin)).toBe("stay");
    expect(s.run(2 * tickMs)).toBe("start");
  });

  test("one that uses all of its core gets another one, though it answers in time", () => {
    const s = setup();
    s.add(8, 8, 0.95);

    expect(s.run(memorySampleMs + busyMsMin + 3 * tickMs)).toBe("start");
  });

  test("one that is not busy is enough", () => {
    const s = setup();
    s.add(50, 50, 1);
    s.add(50, 1, 0.8);

    expect(s.run(60_000)).toBe("stay");
  });

  test("frozen ones are not counted as room, since they would be woken before", () => {
    const s = setup();
    s.add(5, 50, 1);
    s.add(0, 0, 0, "frozen");

    expect(s.run(busyMsMin + 2 * tickMs)).toBe("start");
  });

  test("lateness of the node itself is not taken for theirs", () => {
    const s = setup();
    s.add(5, 50, 1);

    expect(s.run(60_000, 1000)).toBe("stay");
  });

  test("an instance that the others can stand in for is given back", () => {
    const s = setup();
    s.add(1, 0, 0.2);
    s.add(1, 0, 0.2);

    expect(s.run(surplusMsMin)).toBe("stay");
    expect(s.run(5000)).toBe("retire");
  });

  test("two that use more than one should are kept", () => {
    const s = setup();
    s.add(1, 0, 0.3);
    s.add(1, 0, 0.3);

    expect(s.run(10 * surplusMsMin)).toBe("stay");
  });

  test("two whose requests one should not have are kept", () => {
    const s = setup();
    s.add(40, 0, 0);
    s.add(40, 0, 0);

    expect(s.run(10 * surplusMsMin)).toBe("stay");
  });
});
