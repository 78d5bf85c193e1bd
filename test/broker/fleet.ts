/**
 * A fleet of runners, each on a machine of its own, a broker, and supervisors, over many runs, while runners freeze and
 * thaw at random. What comes out is the ledger's balance.
 */
import { pick, type Random } from "../../src/base/random-for-tests.ts";
import { until } from "../../src/base/until-for-tests.ts";
import type { BrokerProcess } from "./broker-process.ts";
import { type Balance, Ledger } from "./ledger.ts";
import type { Machines } from "./machines.ts";
import type { MachineKey } from "./message.ts";
import type { RunnerEvent } from "./runner-events.ts";
import { RunnerProcess } from "./runner-process.ts";
import { dispatch } from "./supervisor.ts";

export interface FleetOptions {
  broker: BrokerProcess;
  machines: Machines;
  random: Random;
  runs: number;
  runners: number;
  /** Of different deployments, which runners and runs are spread over. */
  keys: number;
  /** Runs that are dispatched at once. */
  supervisors: number;
  /** How long a runner stays frozen at most. Beyond the clients' time-out some of the time. Milliseconds. */
  freezeMsMax: number;
  /** Part of the runners that are frozen at any time, at most. */
  frozenMax: number;
}

export interface FleetResult extends Balance {
  freezes: number;
  /** How runners ended by themselves. None should. */
  ends: string[];
}

/** Processes. Count. */
const startedAtOnce = 10;

const keyOf = (index: number): MachineKey => ({
  deployment: `deployment_${index}`,
  version: "20260101.1",
  cpu: 0.5,
  memory: 1,
});

export async function runFleet(options: FleetOptions): Promise<FleetResult> {
  const { broker, machines, random, runs, keys } = options;
  const ledger = new Ledger();
  const onEvent = (event: RunnerEvent) => {
    if (event.kind === "got") ledger.got(event.snapshot, event.controller);
  };
  const bear = async (index: number) => {
    const key = keyOf(index % keys);
    const machine = await machines.add(broker.port);
    const controller = {
      id: `controller_${index}`,
      apiUrl: machine.origin,
      deployment: key.deployment,
      version: key.version,
      cpu: String(key.cpu),
      memory: String(key.memory),
      instance: machine.name,
      runMs: random(60),
    };
    const runtime = index % 2 === 0 ? "node" : "bun";
    return await RunnerProcess.start({ runtime, controllers: [controller], onEvent });
  };
  const runners: RunnerProcess[] = [];
  try {
    // A few at a time: a machine that starts fifty at once starts none for half a minute.
    while (runners.length < options.runners) {
      const batch = Math.min(startedAtOnce, options.runners - runners.length);
      const from = runners.length;
      runners.push(
        ...(await Promise.all(Array.from({ length: batch }, (_, at) => bear(from + at)))),
      );
      await Promise.all(runners.slice(from).map((runner) => runner.polling()));
    }
    await until(async () => (await broker.status()).parked === runners.length, 30_000);

    let freezes = 0;
    let isOver = false;
    /** One at a time, each for as long as chance says; the number of these bounds how many stand still. */
    const freezer = async () => {
      while (!isOver) {
        const runner = pick(random, runners);
        if (!runner.isFrozen) {
          freezes += 1;
          runner.freeze();
          await Bun.sleep(random(4) === 0 ? random(options.freezeMsMax) : random(300));
          runner.thaw();
        }
        await Bun.sleep(random(100));
      }
    };
    let next = 0;
    const supervisor = async () => {
      while (next < runs) {
        const number = next;
        next += 1;
        const snapshot = `snapshot_${number}`;
        const ask = { key: keyOf(random(keys)), run: `run_${number}`, snapshot };
        ledger.told(snapshot, await dispatch(broker.dispatchOrigin, ask));
        await Bun.sleep(random(120));
      }
    };
    const freezers = Array.from({ length: options.frozenMax }, freezer);
    await Promise.all(Array.from({ length: options.supervisors }, supervisor));
    isOver = true;
    await Promise.all(freezers);

    // What is on its way arrives, or its runner shows by polling that it has nothing.
    const isQuiet = async () =>
      ledger.missing().length === 0 && (await broker.status()).parked >= runners.length;
    await until(isQuiet, 2 * options.freezeMsMax + 5000).catch(() => {});
    return { ...ledger.balance(), freezes, ends: runners.flatMap((runner) => runner.ends()) };
  } finally {
    await Promise.all(runners.map((runner) => runner.kill()));
  }
}
