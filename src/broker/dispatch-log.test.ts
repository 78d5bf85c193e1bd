import { expect, test } from "bun:test";
import { StillClock } from "../base/clock-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import type { DispatchRecord } from "./broker-api.ts";
import type { BrokerLogLevel } from "./broker-config.ts";
import { BrokerLog } from "./dispatch-log.ts";
import { logLinesMax, logTextCharactersMax } from "./limits.ts";

function setup(level: BrokerLogLevel = "info") {
  const written: string[] = [];
  /** Resolve it to take what was written. */
  let taken = Promise.withResolvers<void>();
  const log = new BrokerLog({
    level,
    clock: new StillClock(),
    sink: (text) => {
      written.push(text);
      taken = Promise.withResolvers<void>();
      return taken.promise;
    },
  });
  return {
    log,
    written,
    take: () => taken.resolve(),
    lines: () =>
      written.flatMap((text) => text.trimEnd().split("\n")).map((line) => JSON.parse(line)),
  };
}

function record(changes: Partial<DispatchRecord> = {}): DispatchRecord {
  return {
    snapshot: "snapshot_1",
    run: "run_1",
    key: "deployment_1\0" + "20260101.1\0" + "0.5\0" + "1",
    traceparent: "00-trace-span-01",
    didWarmStart: true,
    reason: null,
    isRepeated: false,
    mode: "claimed",
    offers: 2,
    lapses: 1,
    controller: "controller_1",
    instance: "node-1",
    bytes: 600,
    tookMs: 1.23456,
    ...changes,
  };
}

test("a dispatch is one line with everything that is known of it", async () => {
  const { log, lines, take } = setup();

  log.onDispatch!(record());
  const flushed = log.flush();
  take();
  await flushed;

  expect(lines()).toEqual([
    {
      time: expect.any(String),
      level: "info",
      event: "dispatch",
      didWarmStart: true,
      reason: null,
      mode: "claimed",
      tookMs: 1.235,
      run: "run_1",
      snapshot: "snapshot_1",
      deployment: "deployment_1",
      version: "20260101.1",
      cpu: "0.5",
      memory: "1",
      controller: "controller_1",
      instance: "node-1",
      offers: 2,
      lapses: 1,
      isRepeated: false,
      bytes: 600,
      traceparent: "00-trace-span-01",
    },
  ]);
});

test.each<[BrokerLogLevel, boolean, string[]]>([
  ["info", true, ["warn"]],
  ["warn", false, ["warn"]],
  ["error", false, []],
])("at level %s nothing below it is made", (level, hasDispatches, notes) => {
  const { log, lines, written } = setup(level);

  log.note("warn", "something");
  void log.flush();

  expect(log.onDispatch !== null).toBe(hasDispatches);
  expect((written.length === 0 ? [] : lines()).map((line) => line.level)).toEqual(notes);
});

test("while nobody takes lines they are kept, then dropped and counted, and the reader is told", async () => {
  const { log, lines, take, written } = setup();
  log.note("warn", "the first");
  const flushed = log.flush();

  for (let index = 0; index < logLinesMax + 5; index += 1) log.onDispatch!(record());
  expect(log.dropped).toBe(5);
  take();
  await until(() => written.length === 2);
  take();
  await flushed;

  expect(lines().at(-1)).toMatchObject({
    level: "warn",
    message: "5 lines were dropped: nobody took them in time",
  });
});

test("names from outside are cut, so that a line is bounded", async () => {
  const { log, written } = setup();

  log.onDispatch!(record({ run: "x".repeat(50_000), traceparent: "y".repeat(50_000) }));
  void log.flush();

  expect(written[0]!.length).toBeLessThan(1000 + 2 * logTextCharactersMax);
});
