import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { NodeError } from "./admin-client.ts";
import { type DemoStep, DemoSteps, expectThat } from "./demo-steps.ts";

function setup() {
  const stop = new AbortController();
  const shown: string[] = [];
  let nowMs = 0;
  const steps = new DemoSteps({
    screen: {
      running: (name, detail) => void shown.push(`… ${name} ${detail}`),
      ended: ({ name, ok, detail }: DemoStep) => void shown.push(`${ok} ${name} ${detail}`),
    },
    nowMs: () => {
      nowMs += 1.23456;
      return nowMs;
    },
    stop: stop.signal,
  });
  return { steps, stop, shown };
}

const farMs = 60_000;

/** What a step that must fail failed with. */
async function failureOf(run: Promise<unknown>): Promise<NodeError> {
  const error = await run.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(NodeError);
  return error as NodeError;
}

test("a step gives what its work gives, and keeps what it said last", async () => {
  const { steps, shown } = setup();

  const given = await steps.run("page", farMs, async ({ say }) => {
    say("asking");
    say("asked");
    return 7;
  });

  expect(given).toBe(7);
  expect(steps.ended).toEqual([{ name: "page", ok: true, ms: 1.23, detail: "asked" }]);
  expect(shown).toEqual(["… page ", "… page asking", "… page asked", "true page asked"]);
});

test("a step that does not end is ended by its deadline, and its work hears of it", async () => {
  const { steps } = setup();
  let heard = false;

  const failure = await failureOf(
    steps.run("freeze", 1, async ({ signal, say }) => {
      say("it is warm");
      signal.addEventListener("abort", () => {
        heard = true;
      });
      await new Promise(() => {});
    }),
  );

  expect(heard).toBe(true);
  expect(failure.body).toMatchObject({
    code: "DEMO_STEP_FAILED",
    message:
      'Cannot complete the demo: step "freeze" failed: it did not end within 1 ms (it is warm)',
    cause: null,
    detail: { step: "freeze" },
  });
  expect(steps.ended).toMatchObject([
    { name: "freeze", ok: false, detail: "it did not end within 1 ms (it is warm)" },
  ]);
});

test("an error of the catalogue keeps its code, its fix and its detail", async () => {
  const { steps } = setup();
  const detail = { lastLines: ["no such host"] };

  const failure = await failureOf(
    steps.run("deploy", farMs, async () => {
      throw new PlatformError("INSTALL_FAILED", ["exit code 1"], { detail });
    }),
  );

  expect(failure.body).toMatchObject({
    code: "INSTALL_FAILED",
    fix: expect.stringContaining("bun install"),
    detail: { step: "deploy", lastLines: ["no such host"] },
  });
});

test("a claim that is false names itself; what was thrown otherwise is the cause", async () => {
  const { steps } = setup();

  const claim = await failureOf(
    steps.run("cart", farMs, async () => expectThat(1 > 2, "the cart holds 1 of 2")),
  );
  const surprise = await failureOf(
    steps.run("page", farMs, async () => {
      throw new TypeError("connection refused");
    }),
  );

  expect(claim.body.message).toEndWith('step "cart" failed: the cart holds 1 of 2');
  expect(claim.body.cause).toBeNull();
  expect(surprise.body).toMatchObject({ code: "DEMO_STEP_FAILED", cause: "connection refused" });
});

test("stopping the demo ends the step that runs, and every later one at once", async () => {
  const { steps, stop } = setup();
  const running = failureOf(steps.run("events", farMs, () => new Promise(() => {})));

  stop.abort(new PlatformError("INTERRUPTED", []));
  const later = failureOf(steps.run("freeze", farMs, () => new Promise(() => {})));

  expect((await running).body.code).toBe("INTERRUPTED");
  expect((await later).body.code).toBe("INTERRUPTED");
  expect(steps.ended.map(({ ok }) => ok)).toEqual([false, false]);
});

test("a step that has ended can no longer change what it said", async () => {
  const { steps, shown } = setup();
  let late = (_detail: string) => {};

  await steps.run("page", farMs, async ({ say }) => {
    late = say;
    say("done");
  });
  late("too late");

  expect(shown.at(-1)).toBe("true page done");
});
