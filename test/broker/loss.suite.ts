/**
 * Goal: none of the ways in which a plain broker loses or misroutes a run loses one here: nobody is told that a run was
 * taken unless a live runner has it, and no two runners have it. Where the protocol leaves no way, the test says what is
 * told instead. Method: real broker processes, the published client in processes that are frozen and killed, machines
 * that vanish. L1 to L6, L10 and L15 are here, what has to do with a deployment's set-up in `loss-setup.suite.ts`, what takes
 * long in `story.suite.ts`, what cannot be had in `loss-limits.suite.ts`.
 *
 *   bun test ./test/broker/loss.suite.ts
 */
import { describe, expect, test } from "bun:test";
import { until } from "../../src/base/until-for-tests.ts";
import { Scene } from "./scene.ts";

/** A busy machine starts processes slowly. Milliseconds. */
const testTimeoutMs = 90_000;
/** Of a poll whose client is to give it up soon. Milliseconds. */
const connectionTimeoutMs = 3000;
const shortPolls = ["--connection-timeout-ms", String(connectionTimeoutMs)];
/** Offers stay open for as long as a test needs to do something meanwhile. */
const slowClaims = ["--claim-timeout-ms", "5000", "--dispatch-timeout-ms", "10000"];

describe.each(["node", "bun"] as const)("a runner in %s", (runtime) => {
  test.concurrent(
    "L1: that stands still is not taken for one that has the run; thawed in time, it waits again",
    async () => {
      await using scene = await Scene.start();
      const frozen = await scene.runner({ runtime });
      await scene.parked(1);
      frozen.freeze();

      const told = await scene.dispatch("while-frozen");
      frozen.thaw();
      await scene.parked(1);
      const toldAfter = await scene.dispatch("after-thaw");
      await frozen.has("after-thaw");

      expect([told, toldAfter]).toEqual(["false", "true"]);
      expect(frozen.got()).toEqual(["after-thaw"]);
      expect(scene.wrong()).toEqual([]);
      expect(frozen.ends()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L2: whose machine is dead without a word gets nothing, and a live one gets the run",
    async () => {
      await using scene = await Scene.start();
      const machine = await scene.machine();
      const live = await scene.runner({ runtime });
      await scene.parked(1);
      const dead = await scene.runner({ runtime, origin: machine.origin });
      await scene.parked(2);
      await machine.vanish("now");

      const told = await scene.dispatch("with-a-live-one");
      await live.has("with-a-live-one");
      await live.kill();
      const toldAlone = await scene.dispatch("with-a-dead-one");

      expect([told, toldAlone]).toEqual(["true", "false"]);
      expect(dead.got()).toEqual([]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L3: that stands still past its own time-out has nothing of before, and is given the next run",
    async () => {
      await using scene = await Scene.start({ flags: shortPolls });
      const frozen = await scene.runner({ runtime });
      await scene.parked(1);
      frozen.freeze();

      const told = await scene.dispatch("while-frozen");
      await Bun.sleep(connectionTimeoutMs + 200);
      frozen.thaw();
      await until(async () => (await scene.dispatch(`later-${Date.now()}`)) === "true");
      await until(() => frozen.got().length === 1);

      expect(told).toBe("false");
      expect(frozen.got()[0]).toStartWith("later-");
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L3: that claims, and loses the answer, is sent the run again when it polls",
    async () => {
      await using scene = await Scene.start({ flags: shortPolls });
      const machine = await scene.machine();
      const runner = await scene.runner({ runtime, origin: machine.origin });
      await scene.parked(1);
      await machine.vanish("claim");

      const told = await scene.dispatch("answer-lost");
      await machine.return();
      await runner.has("answer-lost");

      expect(told).toBe("true");
      expect(runner.got()).toEqual(["answer-lost"]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L3: that claims, loses the answer and polls again leaves the run to another if one waits, and one of them has it",
    async () => {
      await using scene = await Scene.start({ flags: shortPolls });
      const machine = await scene.machine();
      const other = await scene.runner({ runtime, origin: (await scene.machine()).origin });
      await scene.parked(1);
      const loser = await scene.runner({ runtime, origin: machine.origin });
      await scene.parked(2);
      await machine.vanish("claim");

      const told = await scene.dispatch("answer-lost");
      await machine.return();
      // The other one may be between two polls just then.
      await until(() => other.got().length + loser.got().length > 0, 20_000);
      await scene.parked(2);

      expect(told).toBe("true");
      expect([...other.got(), ...loser.got()]).toEqual(["answer-lost"]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L4: that is about to give up its poll is not offered a run, and none is lost around that moment",
    async () => {
      await using scene = await Scene.start({ flags: ["--connection-timeout-ms", "600"] });
      const runners = await scene.runner({ runtime, count: 20 });
      await scene.parked(20);

      // Polls began together and are begun anew every 600 ms: runs come before, in and after those moments.
      for (let number = 0; number < 200; number++) {
        await scene.dispatch(`run-${number}`);
        await Bun.sleep(number % 17);
      }
      await until(() => scene.ledger.missing().length === 0);

      expect(scene.ledger.balance().warm).toBeGreaterThan(20);
      expect(scene.wrong()).toEqual([]);
      expect(runners.ends()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L5: that claims an offer of a broker that has died gets nothing for it, and waits with the next",
    async () => {
      await using scene = await Scene.start({ flags: slowClaims });
      const frozen = await scene.runner({ runtime });
      await scene.parked(1);
      frozen.freeze();

      const told = scene.dispatch("offered");
      await until(async () => (await scene.broker.status()).offered === 1);
      await scene.broker.kill();
      await scene.broker.start();
      frozen.thaw();
      await until(async () => (await scene.dispatch(`later-${Date.now()}`)) === "true", 30_000);
      await until(() => frozen.got().length === 1);

      // No answer: its supervisor starts a runner, and is right to.
      expect(await told).toBe("error");
      expect(frozen.got()[0]).toStartWith("later-");
      expect(scene.wrong()).toEqual([]);
      expect(frozen.ends()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L6: lives through the drain of its broker, and waits with the next",
    async () => {
      await using scene = await Scene.start({ flags: ["--drain-ms", "500"] });
      const runners = await scene.runner({ runtime, count: 25, runMs: 600_000 });
      await scene.parked(25);

      const code = await scene.broker.drain();
      await scene.broker.start();
      // Each failed attempt doubles the time that a client waits at most.
      await until(async () => {
        await scene.dispatch(`run-${performance.now()}`);
        return runners.got().length === 25;
      }, 60_000);

      expect(code).toBe(0);
      expect(runners.ends()).toEqual([]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );
});

describe("a supervisor", () => {
  test.concurrent(
    "L6: is told no, or nothing, by a broker that drains, and nobody it lets go has ended or lost a run",
    async () => {
      await using scene = await Scene.start({ flags: ["--drain-ms", "1000"] });
      const runners = await scene.runner({ count: 5 });
      await scene.parked(5);

      let isOver = false;
      const drained = scene.broker.drain().finally(() => {
        isOver = true;
      });
      const told: string[] = [];
      while (!isOver) told.push(await scene.dispatch(`run-${told.length}`));
      const code = await drained;
      await until(() => scene.ledger.missing().length === 0);

      expect(code).toBe(0);
      // Some may have come before the signal, none does after the first no.
      expect(told.slice(told.findIndex((verdict) => verdict !== "true"))).not.toContain("true");
      expect(told.at(-1)).not.toBe("true");
      expect(runners.ends()).toEqual([]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L10: that has forgotten what it asked gets the same answer again, and nobody the run a second time",
    async () => {
      await using scene = await Scene.start();
      const first = await scene.runner();
      const second = await scene.runner({ runtime: "bun" });
      await scene.parked(2);

      const told = await scene.dispatch("run");
      const again = await scene.dispatch("run");
      const atOnce = await Promise.all([1, 2, 3].map(() => scene.dispatch("three-times")));
      await until(() => first.got().length + second.got().length === 2);
      await scene.parked(2);

      expect([told, again]).toEqual(["true", "true"]);
      expect(atOnce).toEqual(["true", "true", "true"]);
      expect([...first.got(), ...second.got()].sort()).toEqual(["run", "three-times"]);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L10: that dies before its answer takes the run with it, and its successor may ask anew",
    async () => {
      await using scene = await Scene.start({ flags: slowClaims });
      const frozen = await scene.runner();
      await scene.parked(1);
      frozen.freeze();
      const gone = new AbortController();

      const told = scene.dispatch("run", { signal: gone.signal });
      await until(async () => (await scene.broker.status()).offered === 1);
      gone.abort();
      await told;
      await until(async () => (await scene.broker.status()).offered === 0);
      frozen.thaw();
      await scene.parked(1);
      const nothingYet = frozen.got();
      const asked = await scene.dispatch("run");
      await frozen.has("run");

      expect(nothingYet).toEqual([]);
      expect(asked).toBe("true");
      expect(frozen.got()).toEqual(["run"]);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L15: reaches the runner that polled last, since who polled long ago is the likeliest dead",
    async () => {
      await using scene = await Scene.start();
      const runners = [];
      for (let count = 1; count <= 3; count++) {
        runners.push(await scene.runner({ runMs: 60_000 }));
        await scene.parked(count);
      }
      const [oldest, middle, newest] = runners;
      oldest!.freeze();

      const told = [await scene.dispatch("first"), await scene.dispatch("second")];
      await until(() => scene.ledger.missing().length === 0);
      const { lapsed } = await scene.broker.status();

      expect(told).toEqual(["true", "true"]);
      expect([newest!.got(), middle!.got(), oldest!.got()]).toEqual([["first"], ["second"], []]);
      expect(lapsed).toBe(0);
    },
    testTimeoutMs,
  );

  test.concurrent(
    "L15: does not wait a second time for a runner that let an offer pass",
    async () => {
      await using scene = await Scene.start();
      const live = await scene.runner();
      await scene.parked(1);
      const frozen = await scene.runner({ runtime: "bun" });
      await scene.parked(2);
      frozen.freeze();

      const told = [];
      for (let number = 0; number < 4; number++) {
        told.push(await scene.dispatch(`run-${number}`));
        await until(() => live.got().length === number + 1);
        await until(async () => (await scene.broker.status()).parked >= 1);
      }
      const { lapsed } = await scene.broker.status();

      expect(told).toEqual(Array(4).fill("true"));
      expect(lapsed).toBe(1);
      expect(scene.wrong()).toEqual([]);
    },
    testTimeoutMs,
  );
});
