/**
 * The relay of a node: in a process of its own, which is started again when it ends, on the same port, with all databases
 * and with what is held still held. A part of the composition root.
 *
 *   starting ──listening──▶ running ──exit──▶ (pause) starting …        stop() leads out of all of them
 */
import type { Clock } from "./base/clock.ts";
import { messageOf, PlatformError } from "./base/errors.ts";
import { holdMsMax } from "./relay/limits.ts";
import {
  type Hold,
  type HoldOptions,
  type Relay,
  type RelayCertificate,
  type RelayDatabase,
  type RelayFacts,
  type RelayReach,
  thisMachineAlone,
} from "./relay/relay-api.ts";
import { RelayChild } from "./relay-child.ts";
import type { RelayAnswer, RelayCall } from "./relay-protocol.ts";
import { RestartPause } from "./restart-pause.ts";
import type { LogSink } from "./telemetry/log-record.ts";

export interface NodeRelayOptions {
  /** On 127.0.0.1; 0 = any free one, which stays the same until `stop`. */
  port: number;
  /** Default: this machine alone, without TLS. */
  reach?: RelayReach;
  /** Folder for a unix socket beside it; null for none. */
  socketFolder: string | null;
  /** Gets what the relay has to say of apps. */
  log: LogSink;
  clock: Clock;
  note(line: string): void;
  /** See `RelayChild`. Default `silentMsMax`. Milliseconds. */
  silentMsMax?: number;
}

/** Before one that ended is started again, the first time. Milliseconds. */
const restartPauseMs = 50;

/** How long a relay may take to end. Milliseconds. */
const stopTimeoutMs = 5000;

/**
 * How long a relay may leave a question unanswered before it is killed and started again. Closing what it has to the server
 * takes up to 2 s, a machine that is short of CPU the rest. Milliseconds.
 */
const silentMsMax = 20_000;

/** How long a question waits for a relay that is being started again. Milliseconds. */
const readyTimeoutMs = 10_000;

interface ActiveHold {
  name: string;
  lapseAtMs: number;
}

/** Resolves when it listens. @throws whatever the socket says, with its `code`; nothing is left then */
export async function startNodeRelay(options: NodeRelayOptions): Promise<NodeRelay> {
  const relay = new NodeRelay(options);
  await relay.start();
  return relay;
}

export class NodeRelay implements Relay {
  readonly #options: NodeRelayOptions;
  readonly #databases = new Map<string, RelayDatabase>();
  readonly #holds = new Map<number, ActiveHold>();
  #reach: RelayReach;
  #port = 0;
  #child: RelayChild;
  /** Resolves with a relay that listens, or null after `stop`. */
  #ready = Promise.withResolvers<RelayChild | null>();
  readonly #restartPause = new RestartPause(restartPauseMs);
  #timer: ReturnType<typeof setTimeout> | null = null;
  #stopped: Promise<void> | null = null;
  #lastHold = 0;

  /** Of `startNodeRelay`. */
  constructor(options: NodeRelayOptions) {
    this.#options = options;
    this.#reach = options.reach ?? thisMachineAlone;
    this.#child = this.#open(options.port);
  }

  /** Call it once. */
  async start(): Promise<void> {
    this.#port = await this.#child.listening;
    this.#ready.resolve(this.#child);
    this.#keepUp(this.#child);
  }

  get port(): number {
    return this.#port;
  }

  /** Of its process; null between two of them. */
  get pid(): number | null {
    return this.#child.hasExited ? null : this.#child.pid;
  }

  async put(database: RelayDatabase): Promise<void> {
    this.#databases.set(database.name, database);
    await this.#ask({ type: "put", database });
  }

  async remove(name: string): Promise<void> {
    this.#databases.delete(name);
    await this.#ask({ type: "remove", name });
  }

  async hold(name: string, { timeoutMs, lapseMs = holdMsMax }: HoldOptions): Promise<Hold> {
    this.#lastHold += 1;
    const hold = this.#lastHold;
    const answer = await this.#ask({ type: "hold", hold, name, timeoutMs, lapseMs });
    if (answer?.kind !== "held") {
      throw new PlatformError("DATABASE_BUSY", [name, "the relay was started again"]);
    }
    const { waitedMs, sessions } = answer;
    this.#holds.set(hold, { name, lapseAtMs: this.#options.clock.nowMs() + lapseMs });
    return { waitedMs, sessions, release: () => this.#release(hold) };
  }

  async facts(): Promise<RelayFacts> {
    const answer = await this.#ask({ type: "facts" });
    return answer?.kind === "facts" ? answer.facts : { strangers: 0, databases: [] };
  }

  async renewTls(tls: RelayCertificate): Promise<void> {
    this.#reach = { ...this.#reach, tls };
    await this.#ask({ type: "renewTls", tls });
  }

  stop(): Promise<void> {
    this.#stopped ??= (async () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#ready.resolve(null);
      await this.#child.stop(stopTimeoutMs);
    })();
    return this.#stopped;
  }

  async #release(hold: number): Promise<boolean> {
    if (!this.#holds.delete(hold)) return false;
    const answer = await this.#ask({ type: "release", hold });
    return answer?.kind === "released" && answer.wasHeld;
  }

  /** Null when it ended meanwhile: what it had to know, the next one is told. @throws {PlatformError} what it answered */
  async #ask(call: RelayCall): Promise<RelayAnswer | null> {
    const late = Promise.withResolvers<null>();
    const timer = setTimeout(late.resolve, readyTimeoutMs, null);
    const child = await Promise.race([this.#ready.promise, late.promise]);
    clearTimeout(timer);
    const answer = (await child?.call(call)) ?? null;
    if (answer?.kind === "failed") throw PlatformError.of(answer.error);
    return answer;
  }

  #open(port: number): RelayChild {
    const { socketFolder, clock, log, note } = this.#options;
    const { silentMsMax: silentMs = silentMsMax } = this.#options;
    const nowMs = clock.nowMs();
    const holds = [...this.#holds]
      .filter(([, { name, lapseAtMs }]) => lapseAtMs > nowMs && this.#databases.has(name))
      .map(([hold, { name, lapseAtMs }]) => ({
        hold,
        name,
        // Nobody is there yet, so that there is nothing to wait for.
        timeoutMs: stopTimeoutMs,
        lapseMs: lapseAtMs - nowMs,
      }));
    return new RelayChild({
      config: {
        port,
        reach: this.#reach,
        socketFolder,
        databases: [...this.#databases.values()],
        holds,
      },
      startedAtMs: nowMs,
      silentMsMax: silentMs,
      onRecords: (records, dropped) => {
        for (const record of records) log.write(record);
        if (dropped > 0) note(`The relay dropped ${dropped} log records: too many at once`);
      },
    });
  }

  /** Starts another one when this one ends. */
  #keepUp(child: RelayChild): void {
    void child.exited.then((how) => {
      if (this.#stopped !== null) return;
      const { note, clock } = this.#options;
      const pauseMs = this.#restartPause.after(clock.nowMs() - child.startedAtMs);
      note(`The relay for databases ended (${how}); it is started again in ${pauseMs} ms`);
      this.#ready = Promise.withResolvers();
      this.#timer = setTimeout(() => this.#reopen(), pauseMs);
    });
  }

  #reopen(): void {
    this.#timer = null;
    const child = this.#open(this.#port);
    this.#child = child;
    this.#keepUp(child);
    child.listening.then(
      () => this.#ready.resolve(child),
      (error) => this.#options.note(`The relay for databases cannot start: ${messageOf(error)}`),
    );
  }
}
