/** One relay process, seen from its node: what is asked of it, and the answers. */
import { type FromNodeChild, NodeChild } from "./node-child.ts";
import type { FromRelay, RelayAnswer, RelayCall, RelayConfig, ToRelay } from "./relay-protocol.ts";
import type { LogRecord } from "./telemetry/log-record.ts";

export interface RelayChildOptions {
  config: RelayConfig;
  /** Clock time. Milliseconds. */
  startedAtMs: number;
  /** How long it may keep silent, at its start and when it is asked something; it is killed then. Milliseconds. */
  silentMsMax: number;
  onRecords(records: LogRecord[], dropped: number): void;
}

export class RelayChild {
  readonly pid: number;
  readonly startedAtMs: number;
  /** Resolves with its port when it listens. @throws what it has against it */
  readonly listening: Promise<number>;
  /** Resolves with how it ended. Never rejects. */
  readonly exited: Promise<string>;
  readonly #options: RelayChildOptions;
  readonly #child: NodeChild<ToRelay, Exclude<FromRelay, FromNodeChild>>;
  readonly #awaited = new Map<number, (answer: RelayAnswer | null) => void>();
  #lastId = 0;

  constructor(options: RelayChildOptions) {
    this.#options = options;
    this.startedAtMs = options.startedAtMs;
    this.#child = new NodeChild({
      module: "relay-process.ts",
      first: { type: "open", config: options.config },
      hear: (message) => this.#hear(message),
    });
    this.pid = this.#child.pid;
    this.listening = this.#child.listening;
    this.exited = this.#child.exited.then((how) => {
      for (const resolve of this.#awaited.values()) resolve(null);
      this.#awaited.clear();
      return how;
    });
    void this.#inTime(
      this.listening.catch(() => {}),
      0,
    );
  }

  get hasExited(): boolean {
    return this.#child.hasExited;
  }

  /** Null when it has ended before it answered, also since it did not in time. */
  call(call: RelayCall): Promise<RelayAnswer | null> {
    if (this.#child.hasExited) return Promise.resolve(null);
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = Promise.withResolvers<RelayAnswer | null>();
    this.#awaited.set(id, answered.resolve);
    this.#child.send({ type: "call", id, call });
    return this.#inTime(answered.promise, call.type === "hold" ? call.timeoutMs : 0);
  }

  /** Resolves when it is gone. */
  stop(timeoutMs: number): Promise<void> {
    return this.#child.stop({ type: "stop" }, timeoutMs);
  }

  kill(): void {
    this.#child.kill();
  }

  /** A process that stands still would keep apps without their databases, and whoever asks it, for ever. */
  async #inTime<Answer>(answer: Promise<Answer>, workMs: number): Promise<Answer> {
    const timer = setTimeout(() => this.kill(), workMs + this.#options.silentMsMax);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #hear(message: Exclude<FromRelay, FromNodeChild>): void {
    switch (message.type) {
      case "answer":
        this.#awaited.get(message.id)?.(message.answer);
        this.#awaited.delete(message.id);
        return;
      case "records":
        return this.#options.onRecords(message.records, message.dropped);
    }
  }
}
