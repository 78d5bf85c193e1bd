/** Goal: production changes its runtime only with a verdict or a reason. Method: the rule with a store in memory. */
import { expect, test } from "bun:test";
import { asPlatformError } from "../base/errors.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import { ownRuntime } from "../runtimes/runtime-name.ts";
import { type KeptVerdict, thisQualifyMachine } from "../runtimes/verdict.ts";
import { passRuntimeGate, type RuntimeStep } from "./runtime-gate.ts";

const machine = thisQualifyMachine();
const verdict = (change: Partial<KeptVerdict> = {}): KeptVerdict => ({
  ...{ runtime: "bun@1.4.9", revision: "1.4.9+a", sha256: "", levain: "0.1.0", machine },
  ...{ isPassed: true, isComplete: true, cases: [] },
  ...change,
});

/** @param live runtime of what is live; undefined: nothing is */
const pass = (
  live: string | null | undefined,
  step: Partial<RuntimeStep>,
  verdicts: unknown[] = [],
) => {
  const branches = live === undefined ? [] : [{ name: "main", live: 3 }];
  return passRuntimeGate(
    {
      store: {
        apps: async () => [{ name: "shop", branches, versions: 3, createdAtMs: 0 }] as never,
        version: async () => ({ spec: testSpec({ runtime: live ?? null }) }) as never,
        verdicts: async (runtime) =>
          verdicts.map((one) => ({ runtime: runtime!, atMs: 0, by: "owner", verdict: one })),
      },
      platformVersion: "0.1.0",
      machine,
    },
    { app: "shop", branch: "main", runtime: "bun@1.4.9", force: null, ...step },
  );
};
const codeOf = async (work: Promise<unknown>) => asPlatformError(await work.catch((e) => e)).code;

test("what changes nothing, is not production, or is the first to be live asks for nothing", async () => {
  expect(await pass("bun@1.4.9", {})).toBeNull();
  expect(await pass(null, { runtime: null })).toBeNull();
  expect(await pass(null, { runtime: ownRuntime })).toBeNull();
  expect(await pass(ownRuntime, { runtime: null })).toBeNull();
  expect(await pass(null, { branch: "cart-fix" })).toBeNull();
  expect(await pass(undefined, {})).toBeNull();
});

test("another runtime asks for a verdict, also the node's own after another", async () => {
  expect(await codeOf(pass(null, {}))).toBe("RUNTIME_UNQUALIFIED");
  expect(await codeOf(pass("bun@1.4.9", { runtime: null }))).toBe("RUNTIME_UNQUALIFIED");
  expect(await pass(null, {}, [verdict()])).toBeNull();
});

test("a verdict that failed, is of something else or cannot be read is none", async () => {
  for (const one of [
    verdict({ isPassed: false }),
    verdict({ levain: "0.0.1" }),
    verdict({ isComplete: false }),
    { format: 9 },
  ]) {
    expect(await codeOf(pass(null, {}, [one]))).toBe("RUNTIME_UNQUALIFIED");
  }
});

test("a reason takes its place, and is written down with what it stood against", async () => {
  const forced = await pass(null, { force: "S3 is not used here" }, [verdict({ isPassed: false })]);

  expect(forced).toEqual({
    from: ownRuntime,
    to: "bun@1.4.9",
    objection: "it failed the suite",
    reason: "S3 is not used here",
  });
  expect(await pass(null, { force: "not needed" }, [verdict()])).toBeNull();
});
