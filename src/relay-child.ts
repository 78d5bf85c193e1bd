/** One relay process, seen from its node: what is asked of it, and the answers. */
import { join } from "node:path";
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

const modulePath = join(import.meta.dir, "relay-process.ts");

export class RelayChild {
  readonly pid: number;
  readonly startedAtMs: number;
  /** Resolves with its port when it listens. @throws what it has against it */
  readonly listening: Promise<number>;
  /** Resolves with how it ended. Never rejects. */
  readonly exited: Promise<string>;
  readonly #options: RelayChildOptions;
  readonly #child: Bun.Subprocess;
  readonly #listening = Promise.withResolvers<number>();
  readonly #awaited = new Map<number, (answer: RelayAnswer | null) => void>();
  #lastId = 0;
  #hasExited = false;

  constructor(options: RelayChildOptions) {
    this.#options = options;
    this.startedAtMs = options.startedAtMs;
    this.#child = Bun.spawn(
      [process.execPath, "--no-install", "--no-env-file", "--no-orphans", modulePath],
      {
        stdio: ["ignore", 2, 2],
        env: process.env,
        ipc: (message: FromRelay) => this.#hear(message),
      },
    );
    this.pid = this.#child.pid;
    this.listening = this.#listening.promise;
    this.listening.catch(() => {});
    this.exited = this.#child.exited.then(() => this.#onExit());
    this.#send({ type: "open", config: options.config });
    void this.#inTime(
      this.listening.catch(() => {}),
      0,
    );
  }

  /** Null when it has ended before it answered, also since it did not in time. */
  call(call: RelayCall): Promise<RelayAnswer | null> {
    if (this.#hasExited) return Promise.resolve(null);
    this.#lastId += 1;
    const id = this.#lastId;
    const answered = Promise.withResolvers<RelayAnswer | null>();
    this.#awaited.set(id, answered.resolve);
    this.#send({ type: "call", id, call });
    return this.#inTime(answered.promise, call.type === "hold" ? call.timeoutMs : 0);
  }

  /** Resolves when it is gone. */
  async stop(timeoutMs: number): Promise<void> {
    this.#send({ type: "stop" });
    const timer = setTimeout(() => this.kill(), timeoutMs);
    await this.exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (!this.#hasExited) this.#child.kill("SIGKILL");
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

  #hear(message: FromRelay): void {
    switch (message.type) {
      case "listening":
        return this.#listening.resolve(message.port);
      case "failed": {
        const { code, message: text } = message;
        this.#listening.reject(Object.assign(new Error(text), { code }));
        return this.kill();
      }
      case "answer":
        this.#awaited.get(message.id)?.(message.answer);
        this.#awaited.delete(message.id);
        return;
      case "records":
        return this.#options.onRecords(message.records, message.dropped);
    }
  }

  #onExit(): string {
    this.#hasExited = true;
    const { exitCode, signalCode } = this.#child;
    const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
    this.#listening.reject(new Error(`it ended (${how})`));
    for (const resolve of this.#awaited.values()) resolve(null);
    this.#awaited.clear();
    return how;
  }

  #send(message: ToRelay): void {
    if (!this.#hasExited) this.#child.send(message);
  }
}
