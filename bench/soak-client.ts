/** One connection of a soak's client: asks, reads the whole answer, opens a new connection where the old one was closed. */
import type { Socket } from "bun";
import { AnswerReader } from "../src/perf/load/answer-reader.ts";

/** How long one answer may take. Milliseconds. */
const answerTimeoutMs = 30_000;

export class SoakClient implements Disposable {
  readonly #port: number;
  readonly #reader = new AnswerReader();
  #socket: Socket | null = null;
  /** What the kernel has not taken yet. */
  #unsent: Buffer | null = null;
  #answered: PromiseWithResolvers<number> | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends the bytes of one request and resolves with the status of its answer; 0: the connection broke. */
  async ask(request: Buffer): Promise<number> {
    const socket = await this.#connected();
    const answered = Promise.withResolvers<number>();
    this.#answered = answered;
    this.#reader.begin(false);
    this.#send(socket, request);
    // One timer that is moved, not one for each answer.
    if (this.#timer === null) this.#timer = setTimeout(() => this.#expire(), answerTimeoutMs);
    else this.#timer.refresh();
    const status = await answered.promise;
    if (this.#reader.closes) this.hangUp();
    return status;
  }

  /** Sends the bytes, waits until something comes back when it shall, and is gone without a goodbye. */
  async abort(request: Buffer, waits: boolean): Promise<void> {
    const socket = await this.#connected();
    this.#answered = null;
    const first = Promise.withResolvers<void>();
    this.#onFirstBytes = first.resolve;
    this.#send(socket, request);
    if (waits) await first.promise;
    this.#onFirstBytes = null;
    this.hangUp();
  }

  #onFirstBytes: (() => void) | null = null;

  /** Breaks the connection (RST). Twice is safe. */
  hangUp(): void {
    this.#unsent = null;
    this.#socket?.terminate();
    this.#socket = null;
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.hangUp();
  }

  async #connected(): Promise<Socket> {
    if (this.#socket !== null) return this.#socket;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.#port,
      socket: {
        data: (from, bytes) => {
          if (from === this.#socket) this.#onData(bytes);
        },
        drain: (from) => {
          const unsent = this.#unsent;
          this.#unsent = null;
          if (from === this.#socket && unsent !== null) this.#send(from, unsent);
        },
        end: (from) => this.#onClosed(from),
        close: (from) => this.#onClosed(from),
      },
    });
    this.#socket = socket;
    return socket;
  }

  #send(socket: Socket, bytes: Buffer): void {
    const taken = Math.max(socket.write(bytes), 0);
    if (taken < bytes.length) this.#unsent = bytes.subarray(taken);
  }

  #onData(bytes: Buffer): void {
    this.#onFirstBytes?.();
    if (this.#answered === null) return;
    this.#reader.read(bytes);
    if (this.#reader.isMalformed) this.#resolve(0);
    else if (this.#reader.isDone) this.#resolve(this.#reader.status);
  }

  #onClosed(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.hangUp();
    this.#onFirstBytes?.();
    this.#resolve(this.#reader.endInput() ? this.#reader.status : 0);
  }

  #expire(): void {
    this.hangUp();
    this.#resolve(0);
  }

  #resolve(status: number): void {
    this.#answered?.resolve(status);
    this.#answered = null;
  }
}
