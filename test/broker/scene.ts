/** One broker with runners on machines, and what became of each run: what a test of loss starts with. */
import { until } from "../../src/base/until-for-tests.ts";
import { BrokerProcess, type BrokerProcessOptions } from "./broker-process.ts";
import { Ledger } from "./ledger.ts";
import { type Machine, Machines } from "./machines.ts";
import type { MachineKey } from "./message.ts";
import type { ControllerOptions } from "./runner-events.ts";
import { RunnerProcess } from "./runner-process.ts";
import type { Runtime } from "./runtimes.ts";
import { type Ask, dispatch, type Verdict } from "./supervisor.ts";

export const KEY: MachineKey = {
  deployment: "deployment_a",
  version: "20260101.1",
  cpu: 0.5,
  memory: 1,
};

/** Of a poll, where its end is no matter: near it a runner is not offered anything. Milliseconds. */
const connectionTimeoutMs = 20_000;

export const SCENE_FLAGS: readonly string[] = [
  ...["--connection-timeout-ms", String(connectionTimeoutMs), "--keepalive-ms", "600000"],
  ...["--claim-timeout-ms", "1000", "--dispatch-timeout-ms", "5000", "--start-hold-ms", "0"],
];

export interface RunnerOptions {
  runtime?: Runtime;
  /** Where it sends its requests. Default: straight to the broker. */
  origin?: string;
  key?: MachineKey;
  /** In the place of the key's deployment: a token of it. */
  deployment?: string;
  instance?: string;
  fixture?: string;
  /** Of this process, which then can only be frozen together. Default: 1. */
  count?: number;
  runMs?: number;
}

export class Scene implements AsyncDisposable {
  readonly ledger = new Ledger();
  readonly broker: BrokerProcess;
  readonly #owned = new AsyncDisposableStack();
  #machines: Machines | null = null;
  #runners = 0;

  private constructor(broker: BrokerProcess) {
    this.broker = this.#owned.use(broker);
  }

  /**
   * `flags` beside those of every scene: a second for a claim, since a busy machine lets live runners stand still too, and
   * nothing held at its start.
   */
  static async start(options: BrokerProcessOptions = {}): Promise<Scene> {
    const flags = [...SCENE_FLAGS, ...(options.flags ?? [])];
    return new Scene(await BrokerProcess.start({ ...options, flags }));
  }

  async machine(broker = this.broker): Promise<Machine> {
    this.#machines ??= this.#owned.use(await Machines.start());
    return await this.#machines.add(broker.port);
  }

  /** Another broker, which ends with the scene. */
  own<Part extends AsyncDisposable>(part: Part): Part {
    return this.#owned.use(part);
  }

  /** What a runner is started with, wherever it runs. */
  controller(options: RunnerOptions): ControllerOptions {
    const { key = KEY } = options;
    this.#runners += 1;
    return {
      id: `controller_${this.#runners}`,
      apiUrl: options.origin ?? this.broker.origin,
      deployment: options.deployment ?? key.deployment,
      version: key.version,
      cpu: String(key.cpu),
      memory: String(key.memory),
      instance: options.instance ?? "",
      runMs: options.runMs ?? 5,
    };
  }

  /** Resolves when it has been told to poll. */
  async runner(options: RunnerOptions = {}): Promise<RunnerProcess> {
    const { count = 1, runtime = "node", fixture } = options;
    const controllers = Array.from({ length: count }, () => this.controller(options));
    const runner = await RunnerProcess.start({
      runtime,
      controllers,
      ...(fixture === undefined ? {} : { fixture }),
      onEvent: (event) => {
        if (event.kind === "got") this.ledger.got(event.snapshot, event.controller);
      },
    });
    this.#owned.use(runner);
    await runner.polling();
    return runner;
  }

  /** Waits until the broker has this many waiters. Milliseconds. */
  async parked(count: number, { timeoutMs = 20_000 } = {}): Promise<void> {
    await until(async () => (await this.broker.status()).parked === count, timeoutMs);
  }

  /** Sends one run, and notes what its supervisor was told. Snapshot and run have the same name. */
  async dispatch(name: string, ask: Partial<Ask> & { origin?: string } = {}): Promise<Verdict> {
    const { origin = this.broker.dispatchOrigin, ...rest } = ask;
    const verdict = await dispatch(origin, { key: KEY, run: name, snapshot: name, ...rest });
    this.ledger.told(name, verdict);
    return verdict;
  }

  /** Runs that nobody has, and runs that two have. */
  wrong(): string[] {
    const { lost, doubled } = this.ledger.balance();
    return [...lost, ...doubled];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }
}
