/** What a waiting runner gets, and what it does not. */
import { expect } from "bun:test";
import { until } from "../../../src/base/until-for-tests.ts";
import { ServerPath } from "../../../src/qualify/sql-recovery/server-path.ts";
import type { BrokerProcessOptions } from "../broker-process.ts";
import { type Case, connectionTimeoutMs, deliveryOf, parked, type World } from "./case.ts";
import { createMessage } from "./messages.ts";

export const POLL_CASES: readonly Case[] = [
  {
    claim: "a message reaches the runner byte for byte, fields that nobody knows included",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, keepsBytes: true });
      const more = `"later":{"a":[1.50,-0,1E+2,"\\ud83d\\ude00",{"dequeuedMessage":null}]}`;

      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
        more,
      });

      expect(await runner.message()).toMatchObject(deliveryOf(message));
    },
  },
  {
    claim: "a message with waitpoints of more than a megabyte reaches the runner whole",
    isBrokenWithoutCare: true,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, keepsBytes: true });
      const output = JSON.stringify('é\n"}{'.repeat(200_000));
      const waitpoints = `{"id":"w1","friendlyId":"waitpoint_1","type":"MANUAL","completedAt":"2026-01-01T00:00:00Z","output":${output},"outputIsError":false}`;

      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
        waitpoints,
      });

      expect(message.text.length).toBeGreaterThan(1_000_000);
      expect(await runner.message()).toMatchObject(deliveryOf(message));
    },
  },
  {
    claim: "each run that was said to be taken arrives, at time-outs of the runner too",
    isBrokenWithoutCare: false,
    async run(world) {
      // Of its own: that another runner asks for /connect would be taken for a sign of this one's.
      await using broker = await world.ownBroker(quickly);
      const { origin, dispatchOrigin } = broker;
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, rounds });

      const taken: string[] = [];
      while (taken.length < rounds) {
        const { run } = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
        taken.push(run);
        // About when it gives up, a little earlier or later each time: chance, which is what this is about.
        await Bun.sleep(connectionTimeoutOfQuickMs - 2 * rounds + 4 * taken.length);
      }
      await runner.ended();

      expect(runner.messages.map(({ run }) => run).sort()).toEqual(taken.sort());
    },
  },
  {
    claim: "a runner that waits through several time-outs is never sent home",
    isBrokenWithoutCare: false,
    async run(world) {
      await using broker = await world.ownBroker(quickly);
      const { origin, dispatchOrigin } = broker;
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, tellsFetches: true });

      // /connect, a poll, and one more after each time-out.
      await runner.fetched(5);
      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });

      expect(await runner.message()).toMatchObject({ run: message.run });
    },
  },
  {
    claim: "nothing is given to a runner that has given up",
    isBrokenWithoutCare: false,
    async run(world) {
      if (world.client.version === "4.0.4") return; // has no abort()
      const { origin, dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, rounds: 2 });
      const first = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      await runner.message();
      await runner.polls(2);

      runner.abort();
      const end = await runner.ended();
      const { body } = createMessage({ deployment });
      const after = await supervisor.dispatch(dispatchOrigin, body);

      expect(end).toMatchObject({ how: "null", exitCode: 0 });
      expect(after).toMatchObject({ status: 200, didWarmStart: false });
      expect(runner.messages.map(({ run }) => run)).toEqual([first.run]);
    },
  },
  {
    claim: "nothing is given to a runner that was killed",
    isBrokenWithoutCare: false,
    isOfRuntime: true,
    async run(world) {
      await using broker = await world.ownBroker();
      const deployment = world.deployment();
      await using runners = await world.ownRunners();
      runners.session({ client: world.client, url: broker.origin, deployment });
      await parked(broker, 1);

      await runners.kill();
      const { body } = createMessage({ deployment });
      const after = await (await world.supervisor()).dispatch(broker.dispatchOrigin, body);

      expect(after).toMatchObject({ status: 200, didWarmStart: false });
      await parked(broker, 0);
    },
  },
  {
    claim: "a runner that stood still until after an offer gets the next message, and not that one",
    isBrokenWithoutCare: true,
    isOfRuntime: true,
    run: (world) => standsStill(world, 0, slowly),
  },
  {
    claim:
      "a runner that stood still until after its time-out gets the next message, and not that one",
    isBrokenWithoutCare: true,
    isOfRuntime: true,
    run: (world) => standsStill(world, connectionTimeoutMs),
  },
  {
    claim:
      "a runner whose machine went away without a word gets nothing, and the one that is there does",
    isBrokenWithoutCare: true,
    isOfRuntime: true,
    async run(world) {
      await using broker = await world.ownBroker(slowly);
      const { origin, port, dispatchOrigin } = broker;
      const deployment = world.deployment();
      const path = await ServerPath.open({ host: "127.0.0.1", port });
      const poll = async (url: string, timeouts = {}) => {
        const runner = await world.runner({ url, deployment, ...timeouts });
        await parked(broker, ++count);
        return runner;
      };
      let count = 0;
      // Whichever a broker takes first, the oldest or the freshest: it is one that has gone.
      const away = `http://127.0.0.1:${path.port}`;
      const gone = [await poll(away, { connectionTimeoutMs: 60_000 })];
      const here = await poll(origin);
      gone.push(await poll(away, { connectionTimeoutMs: 60_000 }));

      path.block();
      const message = await (await world.supervisor()).dispatchUntilTaken(dispatchOrigin, {
        deployment,
      });
      const taken = await here.message();
      await path.close();

      expect(taken).toMatchObject({ run: message.run });
      expect(gone.flatMap(({ messages }) => messages)).toEqual([]);
      for (const runner of gone) runner.abort();
    },
  },
  {
    claim: "nothing is lost between two runners with one controller id",
    isBrokenWithoutCare: false,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const controller = `twin_${deployment}`;
      const twin = () => world.runner({ url: origin, deployment, controller, rounds: 4 });
      const twins = [await twin(), await twin()];

      const taken = [
        (await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment })).run,
        (await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment })).run,
      ];

      // A poll of the one may look as if the other's message had been lost: then it comes once more.
      const got = () => twins.flatMap(({ messages }) => messages.map(({ run }) => run));
      await until(() => taken.every((run) => got().includes(run)));
    },
  },
  {
    claim: "a machine of 0.5 CPU in a header is one of 0.5 in a message, and of 1 one of 1.0",
    isBrokenWithoutCare: false,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const half = await world.runner({ url: origin, deployment, cpu: "0.5", memory: "1" });
      const whole = await world.runner({ url: origin, deployment, cpu: "1", memory: "0.25" });

      const take = (cpu: string, memory: string) =>
        supervisor.dispatchUntilTaken(dispatchOrigin, { deployment, cpu, memory });
      const forHalf = await take("5e-1", "1.0");
      const forWhole = await take("1.0", "0.250");

      expect(await half.message()).toMatchObject({ run: forHalf.run });
      expect(await whole.message()).toMatchObject({ run: forWhole.run });
    },
  },
  {
    claim: "a message for another version, machine or deployment is left to a cold start",
    isBrokenWithoutCare: false,
    async run(world) {
      const { origin, dispatchOrigin } = await world.broker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      const runner = await world.runner({ url: origin, deployment, rounds: 2 });
      await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });
      await runner.message();
      const others = [
        { deployment, version: "20260101.2" },
        { deployment, cpu: "1" },
        { deployment, memory: "1" },
        { deployment: world.deployment() },
      ];

      const answers = await Promise.all(
        others.map((other) => supervisor.dispatch(dispatchOrigin, createMessage(other).body)),
      );
      const last = await supervisor.dispatchUntilTaken(dispatchOrigin, { deployment });

      expect(answers.map(({ text }) => text)).toEqual(Array(4).fill('{"didWarmStart":false}'));
      expect(await runner.message(2)).toMatchObject({ run: last.run });
    },
  },
  {
    claim: "a runner whose connection is reset polls again and gets its message once",
    isBrokenWithoutCare: false,
    isOfRuntime: true,
    async run(world) {
      await using broker = await world.ownBroker();
      const supervisor = await world.supervisor();
      const deployment = world.deployment();
      await using runners = await world.ownRunners();
      const path = await ServerPath.open({ host: "127.0.0.1", port: broker.port });
      const url = `http://127.0.0.1:${path.port}`;
      const runner = runners.session({ client: world.client, url, deployment, rounds: 2 });
      await parked(broker, 1);

      // It polls on the connection of its /connect: there Bun sends the request again by itself.
      path.reset();
      const first = await supervisor.dispatchUntilTaken(broker.dispatchOrigin, { deployment });
      await runner.message(1);
      const second = await supervisor.dispatchUntilTaken(broker.dispatchOrigin, { deployment });
      await runner.ended();
      await path.close();

      expect(runner.messages.map(({ run }) => run)).toEqual([first.run, second.run]);
    },
  },
];

/** Messages of the case about time-outs. Count. */
const rounds = 12;
const connectionTimeoutOfQuickMs = 300;
const quickly = { flags: ["--connection-timeout-ms", String(connectionTimeoutOfQuickMs)] };

/** So that a time-out of the client is not what brings it back. */
const slowly = { flags: ["--connection-timeout-ms", "60000"] };

/** A runner is frozen while a message is dispatched, and for some time more. */
async function standsStill(
  world: World,
  moreMs: number,
  options?: BrokerProcessOptions,
): Promise<void> {
  await using broker = await world.ownBroker(options);
  const supervisor = await world.supervisor();
  const deployment = world.deployment();
  await using runners = await world.ownRunners();
  const runner = runners.session({ client: world.client, url: broker.origin, deployment });
  await parked(broker, 1);

  await runners.freeze();
  const { body } = createMessage({ deployment });
  const during = await supervisor.dispatch(broker.dispatchOrigin, body);
  await Bun.sleep(moreMs);
  runners.thaw();
  const next = await supervisor.dispatchUntilTaken(broker.dispatchOrigin, { deployment });

  expect(during).toMatchObject({ status: 200, didWarmStart: false });
  expect(await runner.message()).toMatchObject({ run: next.run });
}
