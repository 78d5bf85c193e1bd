/**
 * Goal: whatever runners, supervisors, machines and time do, the broker keeps its word; `broker-model-for-tests.ts` has its rules.
 * Method: some hundred lives of a broker, each with other settings and some hundred random events, and an end after which
 * nothing may be left. A failure shows its seed; LEVAIN_TEST_SEED repeats it.
 */
import { expect, test } from "bun:test";
import { pick, type Random, randomOf, testSeed } from "../base/random-for-tests.ts";
import type { ModelRunner } from "./broker-actors-for-tests.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { configForTests, FIRST } from "./broker-for-tests.ts";
import { BrokerModel } from "./broker-model-for-tests.ts";

const lives = Number(process.env["LEVAIN_TEST_LIVES"] ?? 150);
const eventsMax = 400;

function settings(random: Random): BrokerConfig {
  const connectionTimeoutMs = pick(random, [1000, 5000, 30_000]);
  return {
    ...configForTests,
    connectionTimeoutMs,
    claimTimeoutMs: pick(random, [50, 250]),
    dispatchTimeoutMs: 5000,
    offersMax: pick(random, [1, 2, 4]),
    directWithinMs: pick(random, [0, 0, 0, 200]),
    startHoldMs: pick(random, [0, 0, 1500]),
    waitersMax: pick(random, [5, 1000, 1000]),
    waitersPerKeyMax: pick(random, [0, 0, 2]),
    verdictTtlMs: pick(random, [2000, 60_000]),
    retainMs: pick(random, [0, 10_000, 10_000]),
    retainBytesMax: pick(random, [6, 1_000_000]),
    cordonAction: pick(random, ["skip", "dismiss"]),
    drainMs: pick(random, [0, 1000]),
  };
}

/** A whole fetch begins, or goes on where a redirect led it, or where somebody has made one up. */
function asks(model: BrokerModel, random: Random, runner: ModelRunner): void {
  const followed = runner.redirects.at(-1);
  const other = pick(random, model.runners).redirects.at(-1);
  const chance = random(20);
  if (followed !== undefined && chance < 14) {
    model.poll(runner, followed.target);
    // Some clients send a request again by themselves.
    if (random(10) > 0) runner.redirects.length = 0;
  } else if (other !== undefined && chance === 14) {
    model.poll(runner, other.target);
  } else if (chance === 15) {
    model.poll(runner, { lease: "forged-1", hops: random(20), elapsedMs: random(40_000) });
  } else {
    runner.redirects.length = 0;
    if (random(2) === 0) model.connect(runner);
    if (random(4) === 0) runner.connection = { deliveredTo: null };
    model.poll(runner, FIRST);
  }
}

function event(model: BrokerModel, random: Random): void {
  const [parked] = [...model.parked].slice(random(model.parked.size + 1));
  const [dispatcher] = [...model.dispatchers].slice(random(model.dispatchers.size + 1));
  const chance = random(100);
  if (chance < 45) {
    const waiting = model.runners.filter(({ redirects }) => redirects.length > 0);
    const runner = waiting.length > 0 && random(2) === 0 ? pick(random, waiting) : null;
    asks(model, random, runner ?? pick(random, model.runners));
  } else if (chance < 65) {
    const snapshot = `s${model.snapshots.length}`;
    model.snapshots.push(snapshot);
    model.dispatch(snapshot, pick(random, model.runners).poll.key);
  } else if (chance < 70) {
    const snapshot = model.snapshots.at(-1 - random(5));
    if (snapshot !== undefined) model.dispatch(snapshot, pick(random, model.runners).poll.key);
  } else if (chance < 75) {
    if (parked !== undefined) model.leavePoll(parked);
  } else if (chance < 79) {
    if (dispatcher !== undefined) model.leaveDispatcher(dispatcher);
  } else if (chance < 81) model.connect(pick(random, model.runners));
  else if (chance < 82) model.cordon(pick(random, ["node1", "node2"]));
  else if (chance < 83) model.switch(random(4) > 0, random(4) === 0);
  else if (chance < 84) model.move(pick(random, ["a", "b"]));
  else if (chance < 85) model.pass(random(3000), false);
  else if (chance < 86) model.pass(random(40_000), true);
  else model.pass(random(150), true);
}

async function live(seed: number): Promise<Record<string, number>> {
  const random = randomOf(seed);
  const model = new BrokerModel(settings(random), random);
  for (let number = 0; number < 2 + random(12); number++) {
    const key = pick(random, ["a", "b"]);
    const instance = pick(random, ["", "node1", "node2"]);
    model.addRunner(`runner${number}`, key, instance, `10.0.0.${random(4)}`);
  }
  const events = random(eventsMax);
  for (let count = 0; count < events; count++) {
    event(model, random);
    model.check();
  }
  const { counters } = model.broker.facts();
  await end(model, random);
  const { claimed, direct, held, lapses, lateClaims, moved, nacks, redeliveries } = counters;
  return { claimed, direct, held, lapses, lateClaims, moved, nacks, redeliveries };
}

/** All goes, in one way or another, and then nothing is left. */
async function end(model: BrokerModel, random: Random): Promise<void> {
  const way = random(3);
  if (way === 0) {
    for (const poll of [...model.parked]) model.leavePoll(poll);
    for (const dispatcher of [...model.dispatchers]) model.leaveDispatcher(dispatcher);
  } else {
    const drained = model.drain(way === 2);
    for (let count = 0; count < 20; count++) {
      if (random(2) === 0) asks(model, random, pick(random, model.runners));
      model.pass(random(100), true);
    }
    model.pass(60_000, true);
    await drained;
  }
  model.pass(180_000, true);
  expect(model.broker.facts()).toMatchObject({
    parked: 0,
    doubtful: 0,
    cordoned: 0,
    spent: 0,
    keys: 0,
    pending: 0,
    offered: 0,
    held: 0,
    pendingBytes: 0,
    verdicts: 0,
    retained: 0,
    retainedBytes: 0,
    doubted: 0,
    addresses: 0,
  });
  expect(model.dispatchers.size).toBe(0);
}

test("a broker keeps its word in every life", async () => {
  const seed = testSeed();
  const counts: Record<string, number> = {};

  for (let life = 0; life < lives; life++) {
    try {
      for (const [name, count] of Object.entries(await live(seed + life))) {
        counts[name] = (counts[name] ?? 0) + count;
      }
    } catch (error) {
      throw new Error(`LEVAIN_TEST_SEED=${seed + life} LEVAIN_TEST_LIVES=1: ${error}`, {
        cause: error,
      });
    }
  }

  // What never happened was not tested.
  if (lives < 100) return;
  for (const [name, count] of Object.entries(counts)) expect(count, name).toBeGreaterThan(20);
}, 30_000);
