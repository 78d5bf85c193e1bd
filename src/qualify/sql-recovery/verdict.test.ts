import { describe, expect, test } from "bun:test";
import type { QueryOutcome } from "./recovery-client.ts";
import { judge } from "./verdict.ts";

const ok = (tookMs = 60): QueryOutcome => ({ kind: "ok", tookMs, error: null });
const failed = (error = "57P01: gone"): QueryOutcome => ({ kind: "failed", tookMs: 3, error });
const hung = (): QueryOutcome => ({ kind: "hung", tookMs: 5000, error: null });

const verdict = (first: QueryOutcome[] | null, second: QueryOutcome[] | null = [ok(), ok()]) =>
  judge({ connections: 2, first, second });

describe("judge()", () => {
  test("has recovered what answers every connection's first query in time", () => {
    expect(verdict([ok(60), ok(80)])).toEqual({
      isRecovered: true,
      text: "ok, 80 ms",
      worstMs: 80,
      errors: [],
    });
  });

  test("has not recovered what answers late", () => {
    expect(verdict([ok(60), ok(1200)])).toMatchObject({
      isRecovered: false,
      text: "slow, 1200 ms",
      worstMs: 1200,
    });
  });

  test("counts what fails and what hangs, and tells how it goes on", () => {
    expect(verdict([failed(), failed()])).toMatchObject({
      isRecovered: false,
      text: "all fail, then fine",
      worstMs: null,
      errors: ["57P01: gone"],
    });
    expect(verdict([failed(), hung()], [hung(), ok()]).text).toBe(
      "1 of 2 fail, 1 of 2 hang, then 1 of 2 hang",
    );
    expect(verdict([hung(), hung()], [hung(), hung()]).text).toBe("all hang, and again");
    expect(verdict([ok(), ok()], [ok(), failed("late")])).toMatchObject({
      isRecovered: false,
      text: "ok, 60 ms, then 1 of 2 fail",
      errors: ["late"],
    });
  });

  test("tells of a process that ended, at once or after the first answers", () => {
    expect(verdict(null, null).text).toBe("the process ends");
    expect(verdict([failed(), failed()], null).text).toBe("all fail, then the process ends");
  });
});
