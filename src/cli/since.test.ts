import { expect, test } from "bun:test";
import { parseSince } from "./since.ts";

const now = Date.parse("2026-11-21T08:00:00Z");

test("a duration is counted back from now", () => {
  const cases: [string, number][] = [
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["3d", 259_200_000],
    ["1w", 604_800_000],
  ];
  for (const [text, ms] of cases) expect(parseSince(text, now), text).toBe(now - ms);
});

test("a time is taken as it is; without a zone it is UTC, like the log", () => {
  const cases: [string, string][] = [
    ["2026-11-20", "2026-11-20T00:00:00Z"],
    ["2026-11-20T07:30", "2026-11-20T07:30:00Z"],
    ["2026-11-20 07:30:15", "2026-11-20T07:30:15Z"],
    ["2026-11-20T07:30:15.250Z", "2026-11-20T07:30:15.250Z"],
    ["2026-11-20T07:30:15+02:00", "2026-11-20T05:30:15Z"],
  ];
  for (const [text, same] of cases) expect(parseSince(text, now), text).toBe(Date.parse(same));
});

test("everything else is a usage error that shows what is meant", () => {
  for (const text of ["", "5", "m", "-5m", "1.5h", "yesterday", "2026-13-01", "12:00", "5m ago"]) {
    expect(() => parseSince(text, now), text).toThrow("--since");
  }
});

test("a duration longer than time itself is its beginning", () => {
  expect(parseSince("999999w", now)).toBe(0);
});
