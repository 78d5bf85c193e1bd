import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { Deadlines } from "../base/deadlines.ts";
import { type GuardEvent, recordOf } from "./guard-event.ts";
import { GuardLog } from "./guard-log.ts";
import { guardRecordsBurstMax } from "./limits.ts";

const event = (kind: GuardEvent["kind"], database: string): GuardEvent => ({
  kind,
  database,
  app: "shop",
  branch: "main",
  requestId: "r1",
  message: `${kind} in ${database}`,
  fields: { tookMs: 5 },
});

function setup() {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const written: GuardEvent[] = [];
  const log = new GuardLog(clock, deadlines, (one) => void written.push(one));
  const pass = (ms: number) => {
    for (const end = clock.timeMs + ms; clock.timeMs < end; ) {
      clock.timeMs += 100;
      deadlines.advance();
    }
  };
  const say = (one: GuardEvent, times: number) => {
    let made = 0;
    for (let index = 0; index < times; index += 1) {
      log.say(one, () => {
        made += 1;
        return one;
      });
    }
    return made;
  };
  return { log, written, pass, say };
}

test("a flood of one kind leaves a few records and one that says how many more there were", () => {
  const { written, pass, say } = setup();

  const made = say(event("slow-statement", "shop"), 1000);
  say(event("query-budget", "shop"), 1);
  say(event("slow-statement", "other"), 1);
  pass(3000);

  // What is not written is hardly made.
  expect(made).toBe(guardRecordsBurstMax + 1);
  expect(written.filter(({ kind }) => kind === "slow-statement")).toHaveLength(
    guardRecordsBurstMax + 1,
  );
  expect(written.filter(({ kind }) => kind === "query-budget")).toHaveLength(1);
  const gaps = written.filter(({ kind }) => kind === "gap");
  expect(gaps).toHaveLength(1);
  expect(gaps[0]).toMatchObject({
    database: "shop",
    message: "… and 980 more of slow-statement",
    fields: { of: "slow-statement", leftOut: 980 },
  });
});

test("what was left out is said when the log is closed", () => {
  const { log, written, say } = setup();
  say(event("slow-statement", "shop"), guardRecordsBurstMax + 7);

  log.close();
  log.close();

  expect(written.filter(({ kind }) => kind === "gap")).toHaveLength(1);
});

test("an event becomes a record of the app's log", () => {
  expect(recordOf(event("slow-statement", "cart-fix--shop"), 0)).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    app: "shop",
    version: null,
    instance: null,
    stream: "platform",
    requestId: "r1",
    event: "database",
    message: "slow-statement in cart-fix--shop",
    fields: { kind: "slow-statement", branch: "main", database: "cart-fix--shop", tookMs: 5 },
  });
});
