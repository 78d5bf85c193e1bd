/** Goal: hooks run around a nap and requests wait for them, bounded. Method: a real runner with the test in the node's place. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

/** A runner whose hooks behave so; the node knows that there are some. */
async function setup(how = "") {
  const runner = await TestRunner.start("naps.ts");
  await runner.ask(`/how?how=${how}`);
  let turn = 0;
  return {
    runner,
    settle: () => runner.channel.control({ type: "settle", turn: ++turn }),
    resume: () => runner.channel.control({ type: "resume" }),
    count: (type: "settled" | "resumed") => runner.controls(type).length,
    events: async (): Promise<string[]> => JSON.parse((await runner.ask("/")).text),
    [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose](),
  };
}

const whole = ["standby", "standby done", "resume", "resume done", "request"];

describe("an app with hooks", () => {
  test("says that it has some, and when it has none any more", async () => {
    await using s = await setup();
    expect(s.runner.controls("lifecycle")[0]).toMatchObject({ hasHooks: true });

    await s.runner.ask("/remove");

    await until(() => s.runner.controls("lifecycle").at(-1)!["hasHooks"] === false);
  });

  test("is told before it is frozen, and when it goes on before its next request", async () => {
    await using s = await setup("wait");

    s.settle();
    await until(() => s.count("settled") === 1);
    process.kill(s.runner.child.pid, "SIGSTOP");
    const frozenAtMs = performance.now();
    await until(() => performance.now() - frozenAtMs >= 30);
    process.kill(s.runner.child.pid, "SIGCONT");
    s.resume();

    expect(await s.events()).toEqual(whole);
    expect(s.count("resumed")).toBe(1);
    const [sleptMs] = JSON.parse((await s.runner.ask("/slept")).text);
    expect(sleptMs).toBeGreaterThanOrEqual(30);
  });

  test("goes on by a request alone, whichever wire it comes over", async () => {
    await using s = await setup("wait");
    s.settle();
    await until(() => s.count("settled") === 1);

    expect(await s.events()).toEqual(whole);
  });

  test("lets requests wait, all of them and in their order, until it is ready", async () => {
    await using s = await setup("wait");
    s.settle();

    const answers = await Promise.all([1, 2, 3].map(() => s.events()));

    expect(answers).toEqual([whole, ["request"], ["request"]]);
    expect(JSON.parse((await s.runner.ask("/slept")).text)).toEqual([0]);
  });

  test("goes on without a request, once", async () => {
    await using s = await setup();
    s.settle();
    await until(() => s.count("settled") === 1);

    s.resume();
    s.resume();
    await until(() => s.count("resumed") >= 1);
    s.resume();

    expect(await s.events()).toEqual(whole);
  });

  test("is told each time", async () => {
    await using s = await setup();
    for (let round = 1; round <= 3; round++) {
      s.settle();
      await until(() => s.count("settled") === round);
      expect(await s.events()).toEqual(whole);
    }
    expect(s.runner.controls("settled").map(({ turn }) => turn)).toEqual([1, 2, 3]);
  });

  test("does not fail by a hook that throws: the log says which", async () => {
    await using s = await setup("throw");
    s.settle();
    await until(() => s.count("settled") === 1);

    expect(await s.events()).toEqual(["standby", "resume", "request"]);
    await s.runner.printed("stderr", (text) =>
      /onStandby:[\s\S]*not now[\s\S]*onResume:[\s\S]*not now/.test(text),
    );
  });

  test("is not held up for ever by a hook that hangs: the log says which", async () => {
    await using s = await setup("hang");
    s.settle();

    expect(await s.events()).toEqual(["standby", "resume", "request"]);
    expect(s.count("settled")).toBe(1);
    expect(s.runner.stderr).toContain(
      "onStandby: it takes longer than 2000 ms and is not waited for",
    );
    expect(s.runner.stderr).toContain(
      "onResume: it takes longer than 2000 ms and is not waited for",
    );
  });

  test("is refused when it registers hooks without end", async () => {
    await using s = await setup();

    const failure = await s.runner.ask("/register").catch((error) => error);

    expect(failure.message).toContain("register a hook once, when its module is loaded");
  });

  test("does not run a request whose client left while it waited", async () => {
    await using s = await setup("wait");
    s.settle();
    const left = s.runner.request("/");
    left.cancel();

    expect(await s.events()).toEqual(whole);
  });
});

test("an ephemeral app cannot have hooks, and hears it when it is loaded", async () => {
  const error = await TestRunner.start("naps.ts", { ephemeral: true }).catch((thrown) => thrown);

  expect(error.failure.message).toContain("onStandby is not for an app with `ephemeral: true`");
});

test("an app without hooks goes on at once", async () => {
  await using runner = await TestRunner.start("hello.ts");

  runner.channel.control({ type: "resume" });

  expect((await runner.ask("/")).status).toBe(200);
  expect(runner.controls("resumed")).toHaveLength(1);
  expect(runner.controls("lifecycle")).toHaveLength(0);
});
