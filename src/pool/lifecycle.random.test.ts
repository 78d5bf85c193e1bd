/**
 * Goal: whatever comes in which order, no request is lost, none reaches an app between its onStandby and its onResume, and
 * nothing sleeps that holds. Method: a real process with slow hooks, frozen, asked and held at random. The seed of a failure
 * is in its message; LEVAIN_TEST_SEED repeats it, as far as processes can be repeated.
 */
import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { bundledFixture } from "./bundled-fixture-for-tests.ts";
import { ask, bodyOf, type Outcome, TestPools } from "./pool-for-tests.ts";

test("requests, freezes and holders in any order", async () => {
  const seed = testSeed();
  const told = `LEVAIN_TEST_SEED=${seed}`;
  const random = randomOf(seed);
  await using t = new TestPools();
  const { folder, entry } = await bundledFixture("sleeps");
  const app = { digest: folder, entry, env: { HOW: "waits" } };
  const pool = t.pool("sleeps", { ...app, idleFreezeMs: 40 });
  await bodyOf(pool);
  const events: string[] = [];
  const asked: Promise<Outcome>[] = [];
  const open = new Set<string>();

  for (let step = 0; step < 250; step++) {
    const action = random(100);
    const name = `step-${step}`;
    const [held] = open;
    if (action < 25) {
      // One at a time, so that what each saw is known in its order.
      events.push(...JSON.parse(await bodyOf(pool)));
    } else if (action < 35) asked.push(ask(pool, "/slow"));
    else if (action < 45) asked.push(ask(pool, `/work?name=${name}&ms=${random(30)}`));
    else if (action < 52) {
      asked.push(ask(pool, `/awake?name=${name}`));
      open.add(name);
    } else if (action < 60 && held !== undefined) {
      await Promise.all(asked);
      open.delete(held);
      asked.push(ask(pool, `/release?name=${held}`));
    } else if (action < 75) {
      pool.freeze();
    } else if (action < 90) t.pass(random(60));
    else await new Promise((resolve) => setTimeout(resolve, random(25)));

    if (pool.state === "frozen") {
      const { holders } = pool.facts(t.clock.nowMs()).processes[0]!;
      expect(holders, told).toEqual([]);
    }
  }

  const outcomes = await Promise.all(asked);
  expect(
    outcomes.filter(({ kind }) => kind !== "answered"),
    told,
  ).toEqual([]);
  const names = () => pool.facts(t.clock.nowMs()).processes[0]!.holders.map((one) => one.name);
  await until(() => JSON.stringify(names().sort()) === JSON.stringify([...open].sort()));
  for (const name of open) await bodyOf(pool, `/release?name=${name}`);
  await until(() => pool.freeze());
  events.push(...JSON.parse(await bodyOf(pool)));
  const story = events.map((event) => event[0] + event.slice(-1)).join(" ");
  // standby is followed by one resume (with or without a nap), and by nothing else.
  expect(story, told).toMatch(/^((sy r[ep] )*rt ?)*$/);
  expect(events, told).toContain("standby");
}, 30_000);
