/** Goal: an app's log stays readable while its requests are turned away, and tells how many were. */
import { describe, expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { Deadlines } from "../base/deadlines.ts";
import { PlatformError } from "../base/errors.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import {
  verdictGapReportMs,
  verdictRecordsBurstMax,
  verdictRecordsPerSecondMax,
} from "./limits.ts";
import type { LogRecord } from "./log-record.ts";
import { VerdictLog } from "./verdict-log.ts";

const busy = new PlatformError("APP_BUSY", ["shop", 4]);
const failed = new PlatformError("HOOK_FAILED", []);

function setup() {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const records: LogRecord[] = [];
  const log = new VerdictLog({ write: (record) => void records.push(record) }, clock, deadlines);
  /** So many verdicts now; returns how many are recorded. */
  const say = (count: number, error: PlatformError = busy, app = "shop") => {
    let taken = 0;
    for (let index = 0; index < count; index++) {
      if (log.takes({ app, number: 3 } as VersionSpec, error)) taken += 1;
    }
    return taken;
  };
  const pass = (ms: number) => {
    for (const end = clock.timeMs + ms; clock.timeMs < end; ) {
      clock.timeMs += 100;
      deadlines.advance();
    }
  };
  return { clock, records, log, say, pass };
}

describe("of one app and code", () => {
  test("a burst is recorded, then so many a second", () => {
    const { clock, say } = setup();

    expect(say(5000)).toBe(verdictRecordsBurstMax);
    clock.timeMs += 1000;
    expect(say(5000)).toBe(verdictRecordsPerSecondMax);
  });

  test("what was left out is said once a second, and only then", () => {
    const { records, say, pass } = setup();
    say(verdictRecordsBurstMax + 1234);

    pass(verdictGapReportMs + 200);
    pass(verdictGapReportMs * 5);

    expect(records).toEqual([
      {
        time: "1970-01-01T00:00:01.100Z",
        app: "shop",
        version: 3,
        instance: null,
        stream: "platform",
        requestId: null,
        event: "verdict",
        message: "… and 1,234 more of APP_BUSY in the last second",
        fields: { code: "APP_BUSY", leftOut: 1234 },
      },
    ]);
  });

  test("the burst is there again after a quiet time", () => {
    const { say, pass } = setup();
    say(100);

    pass((1000 * verdictRecordsBurstMax) / verdictRecordsPerSecondMax + 2000);

    expect(say(100)).toBe(verdictRecordsBurstMax);
  });
});

test("one code or app that floods takes nothing from another", () => {
  const { say } = setup();
  say(5000);

  expect([say(3, failed), say(3, busy, "blog"), say(3)]).toEqual([3, 3, 0]);
});

test("nothing is said about an app that was deleted", () => {
  const { log, records, say, pass } = setup();
  say(100);

  log.forget("shop");
  pass(5000);

  expect(records).toEqual([]);
});

test("what is left at the end is said, once", () => {
  const { log, records, say } = setup();
  say(verdictRecordsBurstMax + 5);

  log.close();
  log.close();

  expect(records.map(({ fields }) => fields?.["leftOut"])).toEqual([5]);
});

test("every verdict has a record or is in a count, whatever comes", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const { log, records, say, pass } = setup();
  let said = 0;
  let taken = 0;
  for (let round = 0; round < 300; round++) {
    const count = random(100);
    said += count;
    taken += say(count, pick(random, [busy, failed]), pick(random, ["shop", "blog"]));
    pass(random(20) * 100);
  }
  log.close();

  const leftOut = records.reduce((all, { fields }) => all + Number(fields?.["leftOut"]), 0);
  expect(taken + leftOut, `LEVAIN_TEST_SEED=${seed}`).toBe(said);
});
