/** What somebody reads who works on an app: lines of the app, of requests, of saves and of mistakes. */
import { expect, test } from "bun:test";
import type { LogRecord } from "../telemetry/log-record.ts";
import { devScreen } from "./dev-screen.ts";
import { createPaint } from "./paint.ts";
import type { Call } from "./verb.ts";

function setup(isJson = false) {
  const written: string[] = [];
  const stdout = { write: (text: string) => written.push(text), isTerminal: false, columns: 80 };
  const call = { io: { stdout }, isJson, paint: createPaint(false) } as unknown as Call;
  return { screen: devScreen(call), lines: () => written.join("").trimEnd().split("\n") };
}

const record = (part: Partial<LogRecord>): LogRecord => ({
  time: "2026-11-21T08:00:00.000Z",
  app: "shop",
  version: 2,
  instance: "a",
  stream: "platform",
  requestId: null,
  event: null,
  message: "",
  ...part,
});

test("what the app prints is marked, a request is one line, and a save is one line", () => {
  const { screen, lines } = setup();

  screen.reloaded({ version: 2, files: ["a.ts", "b.ts", "c.ts", "d.ts", "e.ts"], ms: 41.4 });
  screen.record(record({ stream: "stdout", message: "open" }));
  screen.record(record({ event: "start", message: "v2: Started in 9 ms" }));
  const fields = { method: "GET", target: "/cart", status: 200, durationMs: 3.2, sentBytes: 1229 };
  screen.record(record({ event: "request", message: "GET /cart 200", fields }));

  expect(lines().map((line) => line.replace(/^\d\d:\d\d:\d\d/, "time"))).toEqual([
    "✔ reloaded a.ts, b.ts, c.ts and 2 more (41 ms)",
    "│ open",
    "time GET /cart 200 3.2 ms 1.2 KiB",
  ]);
});

test("a failure has its place and its fix within 80 columns", () => {
  const { screen, lines } = setup();
  const excerpt = {
    path: "src/cart.ts",
    line: 2,
    column: 3,
    lines: [
      { number: 1, text: "const a = 1;" },
      { number: 2, text: "a b" },
    ],
  };

  screen.failed({
    code: "BUILD_FAILED",
    message: `Cannot build the app: ${"a word ".repeat(20)}`,
    fix: "Correct it and save",
    problems: [],
    output: [],
    excerpt,
  });

  expect(lines().join("\n")).toContain("> 2 | a b\n        |   ^");
  expect(lines().at(-1)).toBe("  Fix: Correct it and save");
  for (const line of lines()) expect(line.length, line).toBeLessThanOrEqual(80);
});

test("what only belongs to a save is not said again", () => {
  const { screen, lines } = setup();

  const code = "VERSION_UNKNOWN";
  screen.record(record({ event: "verdict", message: "Cannot find", fields: { code } }));
  screen.record(record({ event: "request", fields: { target: "/__levain/dev", status: 404 } }));

  expect(lines()).toEqual([""]);
});

test("for a program each is an object on a line of its own", () => {
  const { screen, lines } = setup(true);

  screen.ready({ url: "http://shop.localhost:3000", port: 3000 });
  screen.note("a\nb");
  screen.output("made");

  expect(lines().map((line) => JSON.parse(line).type)).toEqual(["ready", "note", "output"]);
});
