/** Goal: a node knows what keeps an app awake, whatever the app does. Method: a real runner with the test in the node's place. */
import { describe, expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { holdersMax, holdersPerMessageMax } from "../wire/limits.ts";
import { randomOf, testSeed } from "../wire/wire-for-tests.ts";
import { TestRunner } from "./runner-for-tests.ts";

/** What a node knows by all that was said. */
function known(runner: TestRunner): Map<number, string> {
  const holders = new Map<number, string>();
  for (const message of runner.controls("lifecycle")) {
    const { taken, released } = message as unknown as {
      taken: { id: number; kind: string; name: string }[];
      released: number[];
    };
    for (const { id, kind, name } of taken) {
      expect(holders.has(id)).toBeFalse();
      holders.set(id, `${kind} ${name}`.trim());
    }
    for (const id of released) expect(holders.delete(id)).toBeTrue();
  }
  return holders;
}

const names = (runner: TestRunner) => [...known(runner).values()].sort();
const becomes = (runner: TestRunner, expected: string[]) =>
  until(() => JSON.stringify(names(runner)) === JSON.stringify(expected));

describe("what keeps an app awake", () => {
  test("is told to the node before the answer of the request that began it, and when it ends", async () => {
    await using runner = await TestRunner.start("holds.ts");

    await runner.ask("/begin?name=mail");
    expect(names(runner)).toEqual(["waitUntil mail"]);
    await runner.ask("/awake?name=import");
    await becomes(runner, ["keepAwake import", "waitUntil mail"]);
    await runner.ask("/end?name=mail");
    await becomes(runner, ["keepAwake import"]);
    await runner.ask("/release?name=import");
    await becomes(runner, []);
  });

  test("is not told when it was over before it could be", async () => {
    await using runner = await TestRunner.start("holds.ts");
    await runner.ask("/awake?name=first");
    await becomes(runner, ["keepAwake first"]);
    runner.answersLifecycle = false;
    await runner.ask("/awake?name=second");
    await becomes(runner, ["keepAwake first", "keepAwake second"]);
    const said = runner.controls("lifecycle").length;

    for (let round = 0; round < 20; round++) await runner.ask("/using?name=brief");
    expect(runner.controls("lifecycle")).toHaveLength(said);
    runner.answersLifecycle = true;
    runner.channel.control({ type: "heard" });
    await runner.ask("/awake?name=third");

    await becomes(runner, ["keepAwake first", "keepAwake second", "keepAwake third"]);
    expect(runner.controls("lifecycle")).toHaveLength(said + 1);
  });

  test("says in the log what failed, under its name and the id of its request", async () => {
    await using runner = await TestRunner.start("holds.ts");

    await runner.ask("/begin?name=mail", { requestId: "the-request" });
    await runner.ask("/fail?name=mail");

    const printed = await runner.printed("stderr", (text) => text.includes("no mail today"));
    expect(printed).toStartWith('\x1ethe-request\x1fwaitUntil "mail":');
    await becomes(runner, []);
  });

  test("is bounded, in all and in one message", async () => {
    await using runner = await TestRunner.start("holds.ts");

    await runner.ask(`/many?name=${holdersMax + 10}`);

    await until(() => known(runner).size === holdersMax);
    const counts = runner.controls("lifecycle").map(({ taken }) => (taken as unknown[]).length);
    expect(Math.max(...counts)).toBe(holdersPerMessageMax);
    const printed = await runner.printed("stderr", (text) => text.includes("does not keep"));
    expect(printed.match(/does not keep/g)).toHaveLength(1);
  });

  test("is a promise: a function is refused with what to do instead", async () => {
    await using runner = await TestRunner.start("holds.ts");

    const failure = await runner.ask("/function").catch((error) => error);

    expect(failure.message).toContain(
      "waitUntil takes a promise, not a function: call the function",
    );
  });

  test("adds up to the same whatever begins and ends in which order", async () => {
    await using runner = await TestRunner.start("holds.ts");
    const seed = testSeed();
    const random = randomOf(seed);
    const open = new Set<string>();
    const asked: Promise<unknown>[] = [];
    for (let step = 0; step < 300; step++) {
      const [some] = [...open].sort(() => random(2) - 0.5);
      if (some !== undefined && random(2) === 0) {
        open.delete(some);
        asked.push(runner.ask(`/end?name=${some}`));
      } else {
        const name = `work-${step}`;
        open.add(name);
        asked.push(runner.ask(`/begin?name=${name}`));
      }
      if (random(10) === 0) await Promise.all(asked.splice(0));
    }
    await Promise.all(asked);

    const expected = [...open].map((name) => `waitUntil ${name}`).sort();
    await becomes(runner, expected).catch(() =>
      expect(names(runner), `LEVAIN_TEST_SEED=${seed}`).toEqual(expected),
    );
  });
});

describe("an ephemeral request", () => {
  const start = () => TestRunner.start("holds.ts", { ephemeral: true });

  test("keeps its modules until its work is done, and no longer", async () => {
    await using runner = await start();

    await runner.ask("/begin?name=mail");
    expect(names(runner)).toEqual(["waitUntil mail"]);
    await runner.ask("/end?name=mail");

    // What follows the promise still runs: in modules of that request alone.
    await runner.printed("stdout", (text) => text.includes("done mail 1"));
    await becomes(runner, []);
  });

  test("that is not answered with work left over holds nothing", async () => {
    await using runner = await start();

    await runner.ask("/using?name=brief");
    await runner.ask("/unnamed");

    await becomes(runner, []);
  });
});

test("outside of Levain the same app runs, and says what failed", async () => {
  const code = `
    const { default: app } = await import("${import.meta.dir}/fixtures/holds.ts");
    const ask = (path) => app.fetch(new Request("http://a" + path));
    ask("/begin?name=mail"); ask("/begin?name=post"); ask("/using"); ask("/awake"); ask("/release");
    ask("/end?name=post"); ask("/fail?name=mail");
    await import("${import.meta.dir}/fixtures/naps.ts");
  `;
  await using child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);

  expect(stdout).toBe("done post 1\n");
  expect(stderr).toStartWith('waitUntil "mail":');
  expect(exitCode).toBe(0);
});
