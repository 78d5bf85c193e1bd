/**
 * Goal: whatever becomes of a broker, no runner ends by it that was not asked to. Method: a few hundred runners of all
 * clients at one `levain broker` that is drained, killed, switched off, and left by them.
 *
 *   bun test ./test/broker/conform/operations.suite.ts
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { until } from "../../../src/base/until-for-tests.ts";
import type { BrokerStatus } from "../../../src/broker/status-api.ts";
import { BrokerProcess } from "../broker-process.ts";
import { parked } from "./case.ts";
import { CLIENTS, RUNTIMES } from "./clients.ts";
import { createMessage } from "./messages.ts";
import { RunnerProcess, type Session } from "./runners.ts";

const testTimeoutMs = 60_000;
const runnersCount = 500;
/** The others pause for longer before they try again, by their client's own dice. */
const mostCount = 450;
/** Of those that are aborted; Bun has 256 requests of one process under way at most. */
const wavesCount = 4;
const waveCount = 180;
const dispatchToken = "of-supervisors-alone";
const authorization = { authorization: `Bearer ${dispatchToken}` };

describe("of five hundred runners of all clients", () => {
  let broker: BrokerProcess;
  const processes = new Map<string, RunnerProcess>();
  const fleet: Session[] = [];

  beforeAll(async () => {
    broker = await BrokerProcess.start({
      flags: ["--connection-timeout-ms", "120000", "--drain-ms", "1000"],
      env: { LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken },
    });
    for (const runtime of RUNTIMES) {
      processes.set(runtime.name, await RunnerProcess.start(runtime));
    }
    for (let index = 0; index < runnersCount; index += 1) {
      const client = CLIENTS[index % CLIENTS.length]!;
      const deployment = deploymentOf(client.name);
      const runners = processes.get(client.runtime.name)!;
      // One message each: the next /connect of a runner would end it, were there no broker for the 0.6 s of its three tries.
      fleet.push(runners.session({ client, url: broker.origin, deployment }));
    }
    await parked(broker, runnersCount, dispatchToken);
  }, testTimeoutMs);
  afterAll(async () => {
    for (const runners of processes.values()) await runners.kill();
    await broker[Symbol.asyncDispose]();
  });

  const mostAreBack = () =>
    until(async () => (await broker.status(dispatchToken)).parked >= mostCount, 30_000);
  const ended = () => fleet.flatMap(({ end }) => (end === null ? [] : [end]));
  const dispatchToEach = async () => {
    const supervisor = processes.get(RUNTIMES[0]!.name)!;
    for (const { name } of CLIENTS) {
      const options = { deployment: deploymentOf(name) };
      const how = { headers: authorization };
      await supervisor.dispatchUntilTaken(broker.dispatchOrigin, options, how);
    }
  };

  test(
    "none ends when the broker is told to end, and they come to its successor",
    async () => {
      const exitCode = await broker.drain();
      await broker.start();
      await mostAreBack();

      expect(exitCode).toBe(0);
      expect(ended().filter(({ how }) => how !== "done")).toEqual([]);
      await dispatchToEach();
    },
    testTimeoutMs,
  );

  test(
    "none ends when the broker is killed, and they come back",
    async () => {
      await broker.kill();
      await broker.start();
      await mostAreBack();

      expect(ended().filter(({ how }) => how !== "done")).toEqual([]);
      await dispatchToEach();
    },
    testTimeoutMs,
  );

  test(
    "those that wait end with 0 when it is switched off at once",
    async () => {
      const done = ended().length;
      const { parked: waiting } = await broker.status(dispatchToken);

      const answer = await fetch(`${broker.dispatchOrigin}/control`, {
        method: "POST",
        headers: authorization,
        body: '{"isOn":false,"now":true}',
      });
      await until(() => ended().length >= done + waiting, 30_000);

      expect(answer.status).toBe(200);
      expect(new Set(ended().map(({ exitCode }) => exitCode))).toEqual(new Set([0]));
    },
    testTimeoutMs,
  );
});

test(
  "a broker that is killed during an offer starts nothing twice: its successor gives the runner the next message",
  async () => {
    await using broker = await BrokerProcess.start({
      flags: ["--claim-timeout-ms", "10000", "--dispatch-timeout-ms", "10000"],
    });
    await using supervisor = await RunnerProcess.start(RUNTIMES[0]!);
    const runners = await startOneEach(broker);
    await parked(broker, CLIENTS.length);

    for (const { machine } of runners) await machine.freeze();
    const offered = runners.map(({ deployment }) =>
      supervisor.dispatch(broker.dispatchOrigin, createMessage({ deployment }).body),
    );
    await until(async () => (await broker.status()).offered === CLIENTS.length, 20_000);
    await broker.kill();
    const answers = await Promise.all(offered);
    await broker.start();
    for (const { machine } of runners) machine.thaw();
    const taken = await Promise.all(
      runners.map(({ deployment }) =>
        supervisor.dispatchUntilTaken(broker.dispatchOrigin, { deployment }),
      ),
    );
    const got = await Promise.all(runners.map(({ runner }) => runner.message()));
    for (const { machine } of runners) await machine.kill();

    expect(answers.filter(({ didWarmStart }) => didWarmStart)).toEqual([]);
    expect(got.map(({ run }) => run)).toEqual(taken.map(({ run }) => run));
  },
  testTimeoutMs,
);

test(
  "an offer that is open when the broker is told to end can still be claimed, over a new connection as well",
  async () => {
    await using broker = await BrokerProcess.start({
      flags: ["--claim-timeout-ms", "10000", "--dispatch-timeout-ms", "10000", "--drain-ms", "200"],
    });
    await using supervisor = await RunnerProcess.start(RUNTIMES[0]!);
    const runners = await startOneEach(broker);
    await parked(broker, CLIENTS.length);
    // Node keeps the connection of its /connect for four seconds; the claim comes over a new one then. Two are the test's own.
    await until(async () => (await wholeStatus(broker)).server.connections <= CLIENTS.length + 2);

    for (const { machine } of runners) await machine.freeze();
    const dispatches = runners.map(({ deployment }) => {
      const message = createMessage({ deployment });
      return { message, answer: supervisor.dispatch(broker.dispatchOrigin, message.body) };
    });
    await until(async () => (await broker.status()).offered === CLIENTS.length, 20_000);
    const exited = broker.drain();
    await until(() => isDraining(broker));
    for (const { machine } of runners) machine.thaw();
    const answers = await Promise.all(dispatches.map(({ answer }) => answer));
    const got = await Promise.all(
      runners.map(({ runner }, index) => (answers[index]!.didWarmStart ? runner.message() : null)),
    );
    for (const { machine } of runners) await machine.kill();

    expect(got.map((message) => message?.run)).toEqual(
      dispatches.map(({ message }) => message.run),
    );
    expect(await exited).toBe(0);
  },
  testTimeoutMs,
);

test(
  "runners that give up leave nothing behind in the broker",
  async () => {
    await using broker = await BrokerProcess.start();
    const canAbort = CLIENTS.filter(({ version }) => version !== "4.0.4");
    const processes = await Promise.all(
      canAbort.map(async (client) => ({
        client,
        runners: await RunnerProcess.start(client.runtime),
      })),
    );
    const descriptors = () => readdirSync(`/proc/${broker.pid}/fd`).length;
    await broker.status();
    const before = descriptors();

    for (let wave = 0; wave < wavesCount; wave += 1) {
      const sessions = Array.from({ length: waveCount }, (_, index) => {
        const { client, runners } = processes[index % processes.length]!;
        const deployment = deploymentOf(`${wave} ${index}`);
        return runners.session({ client, url: broker.origin, deployment });
      });
      await parked(broker, waveCount);
      for (const session of sessions) session.abort();
      await Promise.all(sessions.map((session) => session.ended()));
      await parked(broker, 0);
    }
    for (const { runners } of processes) await runners.kill();

    // The test's own connection for `status` stays.
    await until(() => descriptors() <= before, 20_000);
    const status = await broker.status();
    expect(status).toMatchObject({ parked: 0, pending: 0, keys: 0 });
  },
  testTimeoutMs,
);

/** Each client in a process of its own. Kill them. */
function startOneEach(broker: BrokerProcess) {
  return Promise.all(
    CLIENTS.map(async (client) => {
      const machine = await RunnerProcess.start(client.runtime);
      const deployment = deploymentOf(client.name);
      const runner = machine.session({ client, url: broker.origin, deployment });
      return { machine, deployment, runner };
    }),
  );
}

/** One that no longer listens has been told, too. */
async function isDraining(broker: BrokerProcess): Promise<boolean> {
  try {
    return (await wholeStatus(broker)).isDraining;
  } catch {
    return true;
  }
}

/** Over a connection of its own. */
async function wholeStatus(broker: BrokerProcess): Promise<BrokerStatus> {
  const response = await fetch(`${broker.dispatchOrigin}/status`, { keepalive: false });
  return (await response.json()) as BrokerStatus;
}

function deploymentOf(name: string): string {
  return `deployment_${name.replaceAll(/\W/g, "_")}`;
}
