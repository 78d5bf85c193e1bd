/**
 * Goal: whatever happens to runners, machines, supervisors and the broker, no run is lost, none is doubled, nothing hangs and
 * nobody is sent home. Method: a random story with real processes; LEVAIN_TEST_SEED repeats it as far as processes can be
 * repeated, LEVAIN_TEST_SECONDS makes it longer.
 *
 *   LEVAIN_TEST_SECONDS=600 bun test ./test/broker/story.suite.ts
 */
import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { BrokerProcess } from "./broker-process.ts";
import { Machines } from "./machines.ts";
import { Story } from "./story.ts";

const seconds = Number(process.env["LEVAIN_TEST_SECONDS"] ?? 20);

test(
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
