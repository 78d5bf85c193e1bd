/** What a claim of the conformance list is, and what it has to work with. */
import { until } from "../../../src/base/until-for-tests.ts";
import { freePort } from "../../free-port.ts";
import { BrokerProcess, type BrokerProcessOptions } from "../broker-process.ts";
import type { Client, Runtime } from "./clients.ts";
import type { Message } from "./messages.ts";
import { type Delivered, RunnerProcess, type Session, type SessionOptions } from "./runners.ts";

export interface Case {
  /** The title: a claim about the broker. */
  claim: string;
  /** Whether the broker that acknowledges nothing breaks it. */
  isBrokenWithoutCare: boolean;
  /** It is about sockets and signals, not about the client's own code: one version of each runtime will do. */
  isOfRuntime?: true;
  run(world: World): Promise<void>;
}

/** Told in `/connect`, unless a case says otherwise. Milliseconds. */
export const connectionTimeoutMs = 1500;

/** Secrets of a broker. */
export type Variables = Readonly<Record<string, string>>;

let keys = 0;

/** For the cases of one client. Processes are shared where a case does not harm them. */
export class World {
  readonly client: Client;
  readonly #shared: SharedProcesses;

  constructor(client: Client, shared: SharedProcesses) {
    this.client = client;
    this.#shared = shared;
  }

  /** A deployment that no other case uses. */
  deployment(): string {
    keys += 1;
    return `deployment_${keys}`;
  }

  /** One with these flags that cases share; it must not be harmed. */
  broker(flags: readonly string[] = [], env: Variables = {}): Promise<BrokerProcess> {
    return this.#shared.broker(flags, env);
  }

  /** One for this case alone. End it. */
  ownBroker(options: BrokerProcessOptions = {}): Promise<BrokerProcess> {
    return this.#shared.ownBroker(options);
  }

  /** Two that share deployments, with their dispatches at a port for all. They must not be harmed. */
  peers(env: Variables): Promise<readonly [BrokerProcess, BrokerProcess]> {
    return this.#shared.peers(env);
  }

  /** A process that many runners are in; it must not be harmed. */
  runners(): Promise<RunnerProcess> {
    return this.#shared.runners(this.client.runtime);
  }

  /** A process for this case alone, which may be stopped and killed. End it. */
  ownRunners(): Promise<RunnerProcess> {
    return this.#shared.ownRunners(this.client.runtime);
  }

  /** A supervisor in the client's runtime; it must not be harmed. */
  supervisor(): Promise<RunnerProcess> {
    return this.#shared.supervisor(this.client.runtime);
  }

  /** A runner of the client's version in the shared process. */
  async runner(options: Omit<SessionOptions, "client">): Promise<Session> {
    return (await this.runners()).session({ ...options, client: this.client });
  }
}

/** Started when first asked for, ended together. */
export class SharedProcesses implements AsyncDisposable {
  readonly #program: readonly string[] | undefined;
  readonly #patienceMs: number | undefined;
  #peerPorts: Promise<readonly number[]> | null = null;
  readonly #started = new Map<string, Promise<AsyncDisposable>>();

  /**
   * @param program a broker other than ours
   * @param patienceMs for whatever is waited for. Milliseconds
   */
  constructor(program?: readonly string[], patienceMs?: number) {
    this.#program = program;
    this.#patienceMs = patienceMs;
  }

  broker(flags: readonly string[], env: Variables): Promise<BrokerProcess> {
    const name = `broker ${JSON.stringify([flags, env])}`;
    return this.#once(name, () => this.ownBroker({ flags, env }));
  }

  ownBroker(options: BrokerProcessOptions): Promise<BrokerProcess> {
    const { flags = [] } = options;
    return BrokerProcess.start({
      ...options,
      ...(this.#program === undefined ? {} : { program: this.#program }),
      flags: flags.includes("--connection-timeout-ms")
        ? flags
        : [...flags, "--connection-timeout-ms", String(connectionTimeoutMs)],
    });
  }

  async peers(env: Variables): Promise<readonly [BrokerProcess, BrokerProcess]> {
    this.#peerPorts ??= Promise.all([freePort(), freePort()]);
    const ports = await this.#peerPorts;
    const urls = ports.map((port) => `http://127.0.0.1:${port}`);
    const [first, second] = ports.map((port, index) => {
      const flags = ["--peers", urls.join(","), "--self-url", urls[index]!];
      return this.#once(`peer ${index}`, () => this.ownBroker({ flags, env, port }));
    });
    return [await first!, await second!];
  }

  runners(runtime: Runtime): Promise<RunnerProcess> {
    return this.#once(`runners ${runtime.name}`, () => this.ownRunners(runtime));
  }

  ownRunners(runtime: Runtime): Promise<RunnerProcess> {
    return RunnerProcess.start(runtime, this.#patienceMs);
  }

  supervisor(runtime: Runtime): Promise<RunnerProcess> {
    return this.#once(`supervisor ${runtime.name}`, () => this.ownRunners(runtime));
  }

  #once<T extends AsyncDisposable>(name: string, start: () => Promise<T>): Promise<T> {
    const started = this.#started.get(name) ?? start();
    this.#started.set(name, started);
    return started as Promise<T>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const started of await Promise.allSettled(this.#started.values())) {
      // What did not start has failed the cases that wanted it.
      if (started.status === "fulfilled") await started.value[Symbol.asyncDispose]();
    }
  }
}

/** Resolves when the broker holds this many polls. */
export async function parked(broker: BrokerProcess, count: number, token?: string): Promise<void> {
  await until(async () => (await broker.status(token)).parked === count, 30_000);
}

/** What a runner must have got, for `toMatchObject`. */
export function deliveryOf({ run, snapshot, text }: Message): Partial<Delivered> {
  return {
    run,
    snapshot,
    length: Buffer.byteLength(text),
    sha256: new Bun.CryptoHasher("sha256").update(text).digest("hex"),
  };
}
