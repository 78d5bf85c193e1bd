/**
 * Goal: a thousand runs over fifty runners that stop and go at random: each is with one runner, warm or cold. Method: the
 * published client's own `connect` and `warmStart`, a process and a machine for each runner, a supervisor that starts a
 * runner cold whenever it is not told true. About half a minute.
 *
 *   bun test ./test/broker/fleet.suite.ts
 */
import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { BrokerProcess, NAIVE } from "./broker-process.ts";
import { runFleet } from "./fleet.ts";
import { Machines } from "./machines.ts";
import { Scene } from "./scene.ts";

/** On a busy machine. Milliseconds. */
const testTimeoutMs = 180_000;

test(
  "1,000 runs over 50 runners that freeze at random: 0 lost, 0 doubled, no runner ended",
  async () => {
    const seed = testSeed();
    const flags = ["--connection-timeout-ms", "2000", "--keepalive-ms", "600000"];
    await using broker = await BrokerProcess.start({ flags });
    await using machines = await Machines.start();

    const result = await runFleet({
      broker,
      machines,
      random: randomOf(seed),
      runs: 1000,
      runners: 50,
      keys: 5,
      supervisors: 8,
      freezeMsMax: 4000,
      frozenMax: 15,
    });

    const said = `seed ${seed} ${JSON.stringify(result)}`;
    console.log(said);
    expect(result, said).toMatchObject({ runs: 1000, lost: [], doubled: [], fenced: 0, ends: [] });
    expect(result.warm, said).toBeGreaterThan(500);
    expect(result.freezes, said).toBeGreaterThan(50);
  },
  testTimeoutMs,
);

test(
  "the same ledger finds what a broker loses that says true when the kernel has the bytes",
  async () => {
    await using scene = await Scene.start({
      program: NAIVE,
      flags: ["--connection-timeout-ms", "1000"],
    });
    const runner = await scene.runner();
    let run = "";
    // What it does first when it runs again, read or give up, is its own affair.
    for (let time = 0; time < 10 && scene.wrong().length === 0; time += 1) {
      await scene.parked(1);
      runner.freeze();
      run = `run-${time}`;
      expect(await scene.dispatch(run)).toBe("true");
      // Past its own time-out.
      await Bun.sleep(1200);
      runner.thaw();
      await scene.parked(1);
    }

    expect(scene.wrong()).toEqual([`${run}: told true, has nobody`]);
  },
  testTimeoutMs,
);
