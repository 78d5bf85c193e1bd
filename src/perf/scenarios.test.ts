import { expect, test } from "bun:test";
import type { ProbeAnswer } from "./scenarios.ts";
import { SCENARIOS } from "./scenarios.ts";
import { zipfWeights } from "./zipf.ts";

const byName = (name: string) => SCENARIOS.find((scenario) => scenario.name === name)!;
const answerOf = (body: string, headers: Record<string, string> = {}): ProbeAnswer => ({
  status: 200,
  headers: new Headers(headers),
  body: new TextEncoder().encode(body),
});

test("every scenario has a name of its own and one line on what it catches", () => {
  expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
  for (const { name, catches } of SCENARIOS) {
    expect(catches.length, name).toBeLessThanOrEqual(62);
    expect(`${name} ${catches}`).not.toContain("\n");
  }
});

test("an app that answers something else is not measured", () => {
  expect(byName("warm-noop").mistakeIn(answerOf("ok"))).toBeNull();
  expect(byName("warm-noop").mistakeIn(answerOf("not ok"))).toBe(
    'answered 200 with 6 bytes: "not ok"',
  );
  expect(byName("echo-1kb").mistakeIn(answerOf('{"bytes":1024}'))).toBeNull();
  expect(byName("echo-1kb").mistakeIn(answerOf('{"bytes":0}'))).toContain('{\\"bytes\\":0}');
  const verdict = '{"error":{"code":"HOOK_FAILED","message":"Cannot answer","fix":""}}';
  expect(byName("warm-noop").mistakeIn({ ...answerOf(verdict), status: 500 })).toBe(
    "answered 500: HOOK_FAILED, Cannot answer",
  );
  expect(byName("static-50kb").mistakeIn(answerOf("x".repeat(51_200)))).toBe(
    "answered without ETag",
  );
});

test("half of static-50kb is asked with the ETag that the app gave", () => {
  const { drive, apps } = byName("static-50kb");
  if (drive.kind !== "load") throw new Error("static-50kb is load");

  const probe = answerOf("", { etag: '"a"' });
  const requests = drive.requests({ apps: apps(1), probe });

  expect(requests.map(({ headerLines }) => headerLines)).toEqual([
    undefined,
    ['if-none-match: "a"'],
  ]);
});

test("many-apps asks each app, the second half as often as the first", () => {
  const { drive, apps } = byName("many-apps");
  if (drive.kind !== "load") throw new Error("many-apps is load");

  const requests = drive.requests({ apps: apps(1000), probe: answerOf("") });

  expect(new Set(requests.map(({ app }) => app)).size).toBe(1000);
  expect(requests[1]!.weight! / requests[0]!.weight!).toBeCloseTo(0.5);
  expect(zipfWeights(1000).reduce((sum, weight) => sum + weight)).toBeCloseTo(1);
});
