/**
 * The broker of a node: in a process of its own, which is started again when it ends or stands still, on the same ports. Who
 * waited comes again by itself. A part of the composition root.
 *
 *   starting ──listening──▶ running ──exit──▶ (pause) starting …        stop() leads out of all of them
 */
import type { Clock } from "./base/clock.ts";
import { messageOf, PlatformError } from "./base/errors.ts";
import type { BrokerConfig } from "./broker/broker-config.ts";
import type { BrokerStatus } from "./broker/status-api.ts";
import type { FromBroker, ToBroker } from "./broker-protocol.ts";
import { type FromNodeChild, NodeChild } from "./node-child.ts";
import { RestartPause } from "./restart-pause.ts";

export interface NodeBrokerOptions {
  config: BrokerConfig;
  /** Of Levain. */
  version: string;
  clock: Clock;
  note(line: string): void;
  /** How long it may say nothing before it is killed. Default `silentMsMax`. Milliseconds. */
  silentMsMax?: number;
}

/** Before one that ended is started again, the first time. Milliseconds. */
const restartPauseMs = 50;

/** A report is due each second; a machine that is short of CPU may be late. Milliseconds. */
const silentMsMax = 20_000;

/** What a drain may take beyond `drainMs`: open offers, runners that read their last answer. Milliseconds. */
const stopRoomMs = 20_000;

type Child = NodeChild<ToBroker, Exclude<FromBroker, FromNodeChild>>;

/**
 * Resolves when it listens.
 *
 * @throws {PlatformError} `PORT_IN_USE`, `PORT_FORBIDDEN`, `BROKER_CONFIG_INVALID`; nothing is left then
 */
export async function startNodeBroker(options: NodeBrokerOptions): Promise<NodeBroker> {
  const broker = new NodeBroker(options);
  try {
    await broker.listening();
  } catch (error) {
    await broker.stop();
    const portError = portErrorOf(options.config, error);
    if (portError !== null) throw portError;
    throw new PlatformError("BROKER_CONFIG_INVALID", [messageOf(error)], { cause: error });
  }
  return broker;
}

/** What its process has against a port, by the name that the port has in the node's settings; null: it is something else. */
function portErrorOf({ port, dispatchPort }: BrokerConfig, error: unknown): PlatformError | null {
  const { code } = error as { code?: unknown };
  if (code !== "PORT_IN_USE" && code !== "PORT_FORBIDDEN") return null;
  const isOf = (setting: string, at: number | null) =>
    at !== null && messageOf(error) === new PlatformError(code, [setting, at]).message;
  return isOf("dispatchPort", dispatchPort)
    ? new PlatformError(code, ["broker.dispatchPort", dispatchPort ?? 0])
    : new PlatformError(code, ["broker.port", port]);
}

export class NodeBroker {
  readonly #options: NodeBrokerOptions;
  #child: Child;
  #startedAtMs = 0;
  /** As it said last; of one that is gone until the next one speaks. */
  #status: BrokerStatus | null = null;
  #heardAtMs = 0;
  #restarts = 0;
  readonly #restartPause = new RestartPause(restartPauseMs);
  #timer: ReturnType<typeof setTimeout> | null = null;
  readonly #watch: ReturnType<typeof setInterval>;
  #stopped: Promise<void> | null = null;

  /** Of `startNodeBroker`. */
  constructor(options: NodeBrokerOptions) {
    this.#options = options;
    this.#child = this.#open();
    this.#watch = setInterval(() => this.#killSilent(), this.#silentMsMax / 4);
  }

  /** Resolves when the first one listens. Call it once. @throws what it has against it */
  async listening(): Promise<void> {
    const child = this.#child;
    await child.listening;
    this.#keepUp(child);
  }

  /** As it said within the last seconds; null before the first word. */
  get status(): BrokerStatus | null {
    return this.#status;
  }

  get isRunning(): boolean {
    return !this.#child.hasExited;
  }

  /** Of its process; null between two of them. */
  get pid(): number | null {
    return this.isRunning ? this.#child.pid : null;
  }

  /** How often it was started again. Count. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Drains it. Resolves when it is gone. Twice is safe. */
  stop(): Promise<void> {
    this.#stopped ??= (async () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      clearInterval(this.#watch);
      await this.#child.stop({ type: "stop" }, this.#options.config.drainMs + stopRoomMs);
    })();
    return this.#stopped;
  }

  get #silentMsMax(): number {
    return this.#options.silentMsMax ?? silentMsMax;
  }

  #open(): Child {
    const { config, version, clock } = this.#options;
    this.#startedAtMs = clock.nowMs();
    this.#heardAtMs = this.#startedAtMs;
    // The ports stay what the first one found.
    const { port, dispatchPort } = this.#status ?? config;
    return new NodeChild({
      module: "broker-process.ts",
      first: {
        type: "open",
        config: {
          ...config,
          port,
          dispatchPort: config.dispatchPort === null ? null : dispatchPort,
        },
        version,
      },
      hear: ({ status }) => {
        this.#status = status;
        this.#heardAtMs = clock.nowMs();
      },
    });
  }

  #killSilent(): void {
    const { clock, note } = this.#options;
    if (this.#child.hasExited || clock.nowMs() - this.#heardAtMs < this.#silentMsMax) return;
    note("The broker says nothing any more; it is ended and started again");
    this.#heardAtMs = clock.nowMs();
    this.#child.kill();
  }

  /** Starts another one when this one ends. */
  #keepUp(child: Child): void {
    void child.exited.then((how) => {
      if (this.#stopped !== null) return;
      const { note, clock } = this.#options;
      const pauseMs = this.#restartPause.after(clock.nowMs() - this.#startedAtMs);
      note(`The broker ended (${how}); it is started again in ${pauseMs} ms`);
      this.#timer = setTimeout(() => this.#reopen(), pauseMs);
    });
  }

  #reopen(): void {
    this.#timer = null;
    this.#restarts += 1;
    this.#child = this.#open();
    this.#keepUp(this.#child);
    this.#child.listening.catch((error) =>
      this.#options.note(`The broker cannot start: ${messageOf(error)}`),
    );
  }
}
