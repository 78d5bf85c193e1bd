/**
 * Goal: several brokers are one. Whichever a poll or a dispatch comes to, they meet; a broker that dies or leaves takes no run
 * with it. Method: three `levain broker`s behind a balancer, runners of both runtimes, the published client.
 *
 *   bun test ./test/broker/peers.suite.ts
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import { keyOfMessage } from "../../src/broker/match-key.ts";
import { seedOf, winnerOf } from "../../src/broker/rendezvous.ts";
import { freePort } from "../free-port.ts";
import { Balancer } from "./balancer.ts";
import { BrokerProcess } from "./broker-process.ts";
import { Ledger } from "./ledger.ts";
import type { MachineKey } from "./message.ts";
import type { RunnerEvent } from "./runner-events.ts";
import { RunnerProcess } from "./runner-process.ts";
import { dispatch, type Verdict } from "./supervisor.ts";

const testTimeoutMs = 60_000;
/** Each with a key of its own, so that every one of them is needed; keys enough for each broker to own some. */
const runnersCount = 16;
const dispatchToken = "of-supervisors-alone";
/** Runners say that they wait before a broker has them. Milliseconds. */
const patienceMs = 30_000;

const seed = testSeed();
const random = randomOf(seed);
const named = `LEVAIN_TEST_SEED=${seed}`;

const keyOf = (index: number): MachineKey => ({
  deployment: `deployment_${index}`,
  version: "20260101.1",
  cpu: 0.5,
  memory: 1,
});

/** So many keys, of which the brokers at these base URLs own the same number, or one more. */
function sharedKeys(count: number, urls: readonly string[]): MachineKey[] {
  const brokers = urls.map((url) => ({ url, seed: seedOf(url) }));
  const keys: MachineKey[] = [];
  for (let number = 0; keys.length < count; number += 1) {
    const key = keyOf(number);
    const { deployment, version, cpu, memory } = key;
    const owner = winnerOf(brokers, keyOfMessage(deployment, version, cpu, memory));
    if (owner!.url === urls[keys.length % urls.length]) keys.push(key);
  }
  return keys;
}

interface PeerStatus {
  waiters: { parked: number };
  members: {
    list: { url: string; isSelf: boolean; isHealthy: boolean }[];
    epoch: string;
    landed: number;
    redirected: number;
  };
}

async function statusOf(broker: BrokerProcess): Promise<PeerStatus> {
  const response = await fetch(`${broker.dispatchOrigin}/status`, {
    headers: { authorization: `Bearer ${dispatchToken}` },
  });
  return (await response.json()) as PeerStatus;
}

describe("three brokers", () => {
  const ledger = new Ledger();
  const brokers: BrokerProcess[] = [];
  let ports: number[] = [];
  /** By the number of the runner. */
  let keys: readonly MachineKey[] = [];
  /** Those that are asked. */
  let serving: BrokerProcess[] = [];
  let balancer: Balancer;
  const runners: RunnerProcess[] = [];
  let runs = 0;

  beforeAll(async () => {
    ports = await Promise.all([freePort(), freePort(), freePort()]);
    const peers = ports.map((port) => `http://127.0.0.1:${port}`);
    keys = sharedKeys(runnersCount, peers);
    for (const port of ports) {
      const flags = [
        "--peers",
        peers.join(","),
        "--connection-timeout-ms",
        "4000",
        "--drain-ms",
        "500",
      ];
      flags.push("--keepalive-ms", "600000", "--start-hold-ms", "0");
      const env = { LEVAIN_BROKER_DISPATCH_TOKEN: dispatchToken };
      brokers.push(await BrokerProcess.start({ flags, env, port }));
    }
    serving = [...brokers];
    await agreed();
    balancer = new Balancer(random, ports);
    const apiUrl = await balancer.listen();
    const onEvent = (event: RunnerEvent) => {
      if (event.kind === "got") ledger.got(event.snapshot, event.controller);
    };
    for (const runtime of ["node", "bun"] as const) {
      const controllers = Array.from({ length: runnersCount / 2 }, (_, index) => {
        const number = 2 * index + (runtime === "node" ? 0 : 1);
        const { deployment, version, cpu, memory } = keys[number]!;
        const machine = { cpu: String(cpu), memory: String(memory), instance: "" };
        return { id: `controller_${number}`, apiUrl, deployment, version, ...machine, runMs: 5 };
      });
      runners.push(await RunnerProcess.start({ runtime, controllers, onEvent }));
    }
  }, testTimeoutMs);

  afterAll(async () => {
    for (const process of runners) await process.kill();
    for (const broker of brokers) await broker[Symbol.asyncDispose]();
    await balancer?.[Symbol.asyncDispose]();
  });

  /** All that serve see each other, and no other. */
  async function agreed(): Promise<void> {
    await until(async () => {
      const statuses = await Promise.all(serving.map(statusOf));
      const healthy = ({ members }: PeerStatus) =>
        members.list.filter(({ isHealthy }) => isHealthy).length;
      const isFound = ({ members }: PeerStatus) => members.list.some(({ isSelf }) => isSelf);
      const epochs = new Set(statuses.map(({ members }) => members.epoch));
      return (
        epochs.size === 1 &&
        statuses.every((status) => isFound(status) && healthy(status) === serving.length)
      );
    }, patienceMs);
  }

  async function parked(): Promise<number> {
    const statuses = await Promise.all(serving.map(statusOf));
    return statuses.reduce((sum, { waiters }) => sum + waiters.parked, 0);
  }

  /** A run for the runner of this number, at whichever broker. */
  async function run(number: number): Promise<Verdict> {
    const snapshot = `snapshot_${runs}`;
    const ask = { key: keys[number]!, run: `run_${runs}`, snapshot, token: dispatchToken };
    runs += 1;
    const verdict = await dispatch(pick(random, serving).dispatchOrigin, ask);
    ledger.told(snapshot, verdict);
    return verdict;
  }

  /** A run for every runner, all of which wait; again until all are taken: some of them may be on their way to an owner. */
  async function allTaken(): Promise<void> {
    let verdicts: Verdict[] = [];
    await until(async () => {
      await until(async () => (await parked()) === runnersCount, patienceMs);
      const numbers = Array.from({ length: runnersCount }, (_, number) => number);
      verdicts = await Promise.all(numbers.map(run));
      return verdicts.every((verdict) => verdict === "true");
    }, patienceMs);
  }

  async function settled(): Promise<void> {
    await until(() => ledger.missing().length === 0, patienceMs).catch(() => {});
    expect(ledger.balance(), named).toMatchObject({ lost: [], doubled: [] });
    expect(
      runners.flatMap((process) => process.ends()),
      named,
    ).toEqual([]);
  }

  test(
    "have each run taken, whichever broker its supervisor and its runner ask",
    async () => {
      for (let count = 0; count < 4; count += 1) await allTaken();

      await settled();
      const statuses = await Promise.all(brokers.map(statusOf));
      for (const { members } of statuses) expect(members.landed).toBeGreaterThan(0);
    },
    testTimeoutMs,
  );

  test(
    "lose and double nothing when one is killed, and are three again when it returns",
    async () => {
      const [gone, ...others] = brokers as [BrokerProcess, BrokerProcess, BrokerProcess];
      const dispatching = Array.from({ length: 24 }, (_, index) => run(index % runnersCount));
      await gone.kill();
      balancer.ports = others.map(({ port }) => port);
      serving = others;
      await Promise.all(dispatching);
      await agreed();
      await allTaken();
      await settled();

      await gone.start();
      balancer.ports = ports;
      serving = [...brokers];
      await agreed();
      await allTaken();
      await settled();
      await until(async () => (await parked()) === runnersCount, patienceMs);
      expect((await statusOf(gone)).waiters.parked).toBeGreaterThan(0);
    },
    testTimeoutMs,
  );

  test(
    "hand the runners of one that leaves to the others, and no runner ends",
    async () => {
      await until(async () => (await parked()) === runnersCount, patienceMs);
      const [first, leaving, third] = brokers as [BrokerProcess, BrokerProcess, BrokerProcess];
      const movedMin = (await statusOf(leaving)).waiters.parked;
      serving = [first, third];
      balancer.ports = serving.map(({ port }) => port);

      const dispatching = Array.from({ length: 24 }, (_, index) => run(index % runnersCount));
      expect(await leaving.drain()).toBe(0);
      await Promise.all(dispatching);
      await agreed();

      await allTaken();
      await settled();
      expect(movedMin).toBeGreaterThan(0);
    },
    testTimeoutMs,
  );

  test(
    "lose and double nothing when one of the two that are left stands still for a while",
    async () => {
      const [first, , stopped] = brokers as [BrokerProcess, BrokerProcess, BrokerProcess];
      serving = [first];
      balancer.ports = serving.map(({ port }) => port);
      stopped.freeze();
      const dispatching = Array.from({ length: 24 }, (_, index) => run(index % runnersCount));
      await agreed();
      dispatching.push(...Array.from({ length: runnersCount }, (_, number) => run(number)));
      stopped.thaw();

      // Whoever asked it something in time is answered when it goes on: neither `/connect` nor a dispatch has an end of its own.
      await Promise.all(dispatching);
      await settled();
    },
    testTimeoutMs,
  );
});

describe("brokers that disagree about who serves", () => {
  test(
    "send a request on once and no more: it is answered where it lands",
    async () => {
      const [one, two] = await Promise.all([freePort(), freePort()]);
      const origins = [one, two].map((port) => `http://127.0.0.1:${port}`);
      const flags = ["--connection-timeout-ms", "1000", "--start-hold-ms", "0"];
      // Each takes the other for the only one there is.
      await using first = await BrokerProcess.start({
        flags: [...flags, "--peers", origins[1]!],
        port: one,
      });
      await using second = await BrokerProcess.start({
        flags: [...flags, "--peers", origins[0]!],
        port: two,
      });
      const ask = { key: keyOf(0), run: "run", snapshot: "snapshot" };
      const members = async (broker: BrokerProcess) => (await statusOf(broker)).members;
      await until(async () => (await members(first)).list.every(({ isHealthy }) => isHealthy));
      await until(async () => (await members(second)).list.every(({ isHealthy }) => isHealthy));

      expect(await dispatch(first.dispatchOrigin, ask)).toBe("false");
      expect(await members(first)).toMatchObject({ redirected: 1, landed: 0 });
      expect(await members(second)).toMatchObject({ redirected: 0, landed: 1 });

      await using runner = await RunnerProcess.start({
        runtime: "node",
        controllers: [
          {
            id: "controller_0",
            apiUrl: first.origin,
            deployment: "deployment_0",
            version: "20260101.1",
            cpu: "0.5",
            memory: "1",
            instance: "",
            runMs: 5,
          },
        ],
      });
      await runner.polling();
      await until(async () => (await statusOf(second)).waiters.parked === 1);
      const again = { ...ask, run: "run_2", snapshot: "snapshot_2" };
      expect(await dispatch(first.dispatchOrigin, again)).toBe("true");
      await runner.has("snapshot_2");
    },
    testTimeoutMs,
  );
});
