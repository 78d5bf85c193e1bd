/** A broker as a process of its own, as `levain broker` starts it; it can be killed, drained and started again. */
import { join } from "node:path";
import type { BrokerStatus } from "../../src/broker/status-api.ts";
import { eachJsonLine } from "./json-lines.ts";

const mainPath = join(import.meta.dir, "../../src/main.ts");
/** Loses runs; see there. */
export const NAIVE: readonly string[] = [join(import.meta.dir, "fixtures/naive-broker.ts")];

/** How long it may take to listen on a busy machine. Milliseconds. */
const listenTimeoutMs = 60_000;

export interface BrokerProcessOptions {
  /** As on the command line: `["--claim-timeout-ms", "100"]`. */
  flags?: readonly string[];
  /** Default: any free one, the same for each process of this broker. */
  port?: number;
  /** `LEVAIN_BROKER_*`: secrets have no flags. */
  env?: Readonly<Record<string, string>>;
  /** Script and its first arguments. Default: `levain broker`. */
  program?: readonly string[];
  /** Of each line that says what became of a dispatch. */
  onDispatch?: (record: DispatchLine) => void;
}

/** What tests read of a line of the dispatch log. */
export interface DispatchLine {
  snapshot: string;
  didWarmStart: boolean;
  reason: string | null;
  mode: string | null;
  controller: string;
  isRepeated: boolean;
}

/** What tests read of `GET /status`. */
export interface BrokerNow {
  /** Polls that are held, and their keys. */
  parked: number;
  keys: number;
  /** Dispatches without a verdict; of these with an offer open. */
  pending: number;
  offered: number;
  /** Since the start: polls, offers that nobody claimed, messages that were sent again. */
  polls: number;
  lapsed: number;
  redeliveries: number;
  /** Brokers that serve, as this one sees it; 0 where it knows of no others. */
  serving: number;
}

export class BrokerProcess implements AsyncDisposable {
  readonly #options: BrokerProcessOptions;
  #child: Bun.Subprocess<"pipe", "pipe", "pipe"> | null = null;
  #ports = { port: 0, dispatchPort: 0 };
  /** Dispatches as logged, by all processes of this broker. */
  readonly dispatches: DispatchLine[] = [];
  /** What they printed beside. */
  readonly output: string[] = [];

  private constructor(options: BrokerProcessOptions) {
    this.#options = options;
    this.#ports.port = options.port ?? 0;
  }

  static async start(options: BrokerProcessOptions = {}): Promise<BrokerProcess> {
    const broker = new BrokerProcess(options);
    await broker.start();
    return broker;
  }

  get port(): number {
    return this.#ports.port;
  }

  /** Of the process that was started last. */
  get pid(): number {
    return this.#child!.pid;
  }

  /** What runners are told to use. */
  get origin(): string {
    return `http://127.0.0.1:${this.#ports.port}`;
  }

  get dispatchOrigin(): string {
    return `http://127.0.0.1:${this.#ports.dispatchPort}`;
  }

  /**
   * Another process on the same port; the one before is done with, or goes on draining. Resolves when it listens.
   *
   * @param more flags of this process alone
   */
  async start(...more: string[]): Promise<void> {
    const { program = [mainPath, "broker", "--json"], flags = [], env = {} } = this.#options;
    const child = Bun.spawn(
      [process.execPath, ...program, ...flags, ...more, "--port", String(this.#ports.port)],
      { stdin: "pipe", stdout: "pipe", stderr: "pipe", env: { ...process.env, ...env } },
    );
    this.#child = child;
    const { promise: listens, resolve, reject } = Promise.withResolvers<{ port: number }>();
    const take = (line: Record<string, unknown>) => {
      this.output.push(JSON.stringify(line));
      const ports = (line["data"] ?? line) as { port: number };
      if (typeof ports.port === "number") resolve(ports);
      if (typeof line["didWarmStart"] !== "boolean") return;
      const record = line as unknown as DispatchLine;
      this.dispatches.push(record);
      this.#options.onDispatch?.(record);
    };
    const other = (line: string) => void this.output.push(line);
    const ended = [
      eachJsonLine(child.stdout, take, other),
      eachJsonLine(child.stderr, take, other),
    ];
    void Promise.all(ended).then(() =>
      reject(new Error(`the broker ended: ${this.output.slice(-20).join("\n")}`)),
    );
    const timer = setTimeout(
      () => reject(new Error("the broker does not listen")),
      listenTimeoutMs,
    );
    const { port, dispatchPort } = (await listens.finally(() => clearTimeout(timer))) as {
      port: number;
      dispatchPort?: number | null;
    };
    this.#ports = { port, dispatchPort: dispatchPort ?? port };
  }

  /** As a crash. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** SIGTERM; resolves with its exit code when it has ended. */
  drain(): Promise<number> {
    const child = this.#child!;
    child.kill("SIGTERM");
    return child.exited;
  }

  /** A successor listens on the same port before this one drains. Resolves with the exit code of the one that went. */
  async replace(): Promise<number> {
    const old = this.#child!;
    await this.start("--share-port", "true");
    old.kill("SIGTERM");
    return await old.exited;
  }

  /** Kernel bytes go on being taken, as for a paused machine. */
  freeze(): void {
    this.#child!.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child!.kill("SIGCONT");
  }

  async status(token?: string): Promise<BrokerNow> {
    const response = await fetch(`${this.dispatchOrigin}/status`, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
    const { waiters, dispatches, polls, offers, deliveries, members } =
      (await response.json()) as BrokerStatus;
    return {
      parked: waiters.parked,
      offered: dispatches.offered,
      pending: dispatches.pending,
      keys: waiters.keys,
      polls: polls.total,
      lapsed: offers.lapsed,
      redeliveries: deliveries.redeliveries,
      // A broker of the fixtures has none.
      serving: members?.list.filter(({ isHealthy }) => isHealthy).length ?? 0,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
