/**
 * Goal: whatever happens to runners, machines, supervisors and the broker, no run is lost, none is doubled, nothing hangs and
 * nobody is sent home; a poll is held for as long as its client lives, and no longer. Method: a random story with real
 * processes; LEVAIN_TEST_SEED repeats it as far as processes can be repeated, LEVAIN_TEST_SECONDS makes it longer.
 *
 *   LEVAIN_TEST_SECONDS=600 bun test ./test/broker/story.suite.ts
 */
import { afterAll, describe, expect, test } from "bun:test";
import { randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { BrokerProcess } from "./broker-process.ts";
import { CutMachine } from "./cut-machine.ts";
import { Machines } from "./machines.ts";
import { Scene } from "./scene.ts";
import { Story } from "./story.ts";

/** On a busy machine. Milliseconds. */
const waitTimeoutMs = 90_000;
const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 20);

const cut = CutMachine.make(process.pid % 256);
if (cut === null) console.log("L2 with a cut cable is left out: no network namespaces here");
afterAll(() => cut?.[Symbol.dispose]());

// Beside the story, since they only wait.
describe("a poll", () => {
  test.concurrent(
    "L7: is held longer than servers keep idle connections",
    async () => {
      await using scene = await Scene.start();
      const runner = await scene.runner();
      await scene.parked(1);

      await Bun.sleep(11_500);
      const { polls } = await scene.broker.status();
      const told = await scene.dispatch("after-a-while");
      await runner.has("after-a-while");

      expect(polls).toBe(1);
      expect(told).toBe("true");
    },
    waitTimeoutMs,
  );

  test.skipIf(cut === null).concurrent(
    "L2: of a machine whose cable was cut is forgotten within a minute, though nothing says that it ended",
    async () => {
      await using scene = await Scene.start({
        flags: ["--host", "0.0.0.0", "--connection-timeout-ms", "200000"],
      });
      const origin = `http://${cut!.brokerAddress}:${scene.broker.port}`;
      const controllers = [scene.controller({ origin })];
      const dead = scene.own(await cut!.runner({ runtime: "node", controllers }));
      await scene.parked(1);

      cut!.cut();
      await scene.parked(0, { timeoutMs: 55_000 });

      expect(dead.got()).toEqual([]);
    },
    waitTimeoutMs,
  );
});

test.concurrent(
  "random freezes, kills, lost answers and restarts lose no run and double none",
  async () => {
    const seed = testSeed();
    const flags = ["--connection-timeout-ms", "1000", "--keepalive-ms", "600000"];
    flags.push("--drain-ms", "300", "--start-hold-ms", "500");
    await using broker = await BrokerProcess.start({ flags });
    await using machines = await Machines.start();
    const story = new Story(broker, machines, randomOf(seed));
    try {
      await story.start();
      const untilMs = performance.now() + seconds * 1000;
      while (performance.now() < untilMs) await story.step();
      await story.end();
    } finally {
      await story.dispose();
    }

    const said = `seed ${seed} ${JSON.stringify(story.counts)}`;
    console.log(said);
    expect(story.wrong, said).toEqual([]);
    expect(story.counts.taken, said).toBeGreaterThan(3 * seconds);
  },
  (seconds + 120) * 1000,
);
