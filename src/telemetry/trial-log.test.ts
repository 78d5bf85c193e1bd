import { expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { trialRecordsMax } from "./limits.ts";
import type { LogRecord } from "./log-record.ts";
import { TrialLog } from "./trial-log.ts";

const build = (digest: string, number = 2) => ({ app: "shop", number, digest: digest.repeat(64) });

function setup() {
  const written: LogRecord[] = [];
  const log = new TrialLog({ write: (record) => void written.push(record) }, systemClock);
  const write = (message: string, version = 2, stream: LogRecord["stream"] = "stdout") =>
    log.write({
      time: "2026-11-21T08:00:00.000Z",
      app: "shop",
      version,
      instance: "i1",
      stream,
      requestId: null,
      event: null,
      message,
    });
  const shown = () => written.map(({ version, message, fields }) => [version, message, fields]);
  return { log, write, shown };
}

test("records of a build that fails have no version, and those of the next one with the number have it", () => {
  const { log, write, shown } = setup();

  log.begin(build("a"));
  write("one");
  write("v2: Ended (exit 1)", 2, "platform");
  log.disown(build("a"));
  log.begin(build("b"));
  write("two");
  log.keep(build("b"));
  write("three");

  expect(shown()).toEqual([
    [null, "one", { build: "aaaaaaaaaaaa" }],
    [null, "Ended (exit 1)", { build: "aaaaaaaaaaaa" }],
    [2, "two", undefined],
    [2, "three", undefined],
  ]);
});

test("other versions do not wait for a trial, and the end of the node loses nothing of it", () => {
  const { log, write, shown } = setup();

  log.begin(build("a"));
  write("on trial");
  write("live", 1);
  expect(shown()).toEqual([[1, "live", undefined]]);
  log.close();

  expect(shown().at(-1)).toEqual([null, "on trial", { build: "aaaaaaaaaaaa" }]);
});

test("of a build that prints without end the newest records are held, and the others counted", () => {
  const { log, write, shown } = setup();

  log.begin(build("a"));
  for (let i = 0; i < trialRecordsMax + 5; i++) write(`line ${i}`);
  log.keep(build("a"));

  expect(shown()).toHaveLength(trialRecordsMax + 1);
  expect(shown()[0]?.[2]).toEqual({ dropped: 5 });
  expect(shown().at(-1)?.[1]).toBe(`line ${trialRecordsMax + 4}`);
});
