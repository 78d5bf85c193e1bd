import { expect, test } from "bun:test";
import type { LogRecord } from "../telemetry/log-record.ts";
import type { OutputStream } from "./cli-io.ts";
import { DemoScreen } from "./demo-screen.ts";
import { createPaint } from "./paint.ts";

function setup({ isTerminal = false, columns = 80 } = {}) {
  const written: string[] = [];
  const out: OutputStream = {
    write: (text) => void written.push(text),
    drained: async () => {},
    isTerminal,
    columns,
    closed: new AbortController().signal,
  };
  return { screen: new DemoScreen(out, createPaint(isTerminal)), written };
}

const record: LogRecord = {
  time: "2026-11-21T08:00:01.234Z",
  app: "shop",
  version: 3,
  instance: "i1",
  stream: "stdout",
  requestId: null,
  event: null,
  message: "hello",
};

test("a step's line has 80 columns at most, with its time at the end", () => {
  for (const columns of [60, 80, 200]) {
    const { screen, written } = setup({ columns });

    screen.ended({ name: "page", ok: true, ms: 4.21, detail: "GET / gave 18 KiB of HTML" });
    screen.ended({ name: "freeze", ok: false, ms: 20_000, detail: "long ".repeat(40) });

    const [first = "", second = ""] = written;
    expect(first).toStartWith("  ✔ page      GET / gave 18 KiB of HTML  ");
    expect(first).toEndWith(" 4.2 ms\n");
    expect(second).toMatch(/^ {2}✘ freeze {4}long .*… +20\.0 s\n$/);
    for (const line of written) expect(line.trimEnd().length).toBe(Math.min(columns, 80));
  }
});

test("off a terminal a running step is not shown and nothing is colored", () => {
  const { screen, written } = setup();

  screen.running("deploy", "install");
  screen.ended({ name: "deploy", ok: true, ms: 700, detail: "live" });

  expect(written).toHaveLength(1);
  expect(written.join("")).not.toContain("\x1b");
});

test("on a terminal the running step is written over, and never wraps", () => {
  const { screen, written } = setup({ isTerminal: true, columns: 60 });

  screen.running("deploy", "a line that is far too long for such a narrow terminal, sadly");
  screen.ended({ name: "deploy", ok: true, ms: 700, detail: "live" });

  const [running = "", ended = ""] = written;
  expect(running.startsWith("\r\x1b[2K")).toBe(true);
  expect(ended.startsWith("\r\x1b[2K")).toBe(true);
  expect(Bun.stripANSI(running).trim().length).toBeLessThanOrEqual(60);
});

test("a log record is short: time of day, version, who says it, what", () => {
  const { screen, written } = setup();

  screen.record(record);
  screen.record({ ...record, stream: "stderr", message: "oh\x1b[2J no" });
  screen.record({
    ...record,
    stream: "platform",
    event: "freeze",
    message: "v3: Frozen: no CPU until the next request",
    fields: { memoryBytes: 1 },
  });

  expect(written).toEqual([
    "  08:00:01  v3  prints  hello\n",
    "  08:00:01  v3  stderr  oh\\x1b[2J no\n",
    "  08:00:01  v3  freeze  Frozen: no CPU until the next request\n",
  ]);
});
