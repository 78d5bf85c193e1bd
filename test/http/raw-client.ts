/**
 * A client that sends exactly the bytes it is told to, with conditions between them, and records everything that
 * comes back. Nothing is added, repaired or retried.
 */
import type { Socket } from "bun";
import { type Answer, AnswerReader, type Asked, Fault } from "./answer-reader.ts";

/** Bytes (a string is Latin-1), or something to do or to wait for before the next bytes. */
export type Step = string | Uint8Array | StepAction;

export type StepAction =
  /** A 1xx answer has come. */
  | { until: "interim" }
  /** The head of answer number `answer` (from 0) has come. */
  | { until: "head"; answer?: number }
  /** Answer number `answer` (from 0) has come whole. */
  | { until: "answer"; answer?: number }
  /** So many bytes of the answer that is arriving have come. */
  | { until: "body"; bytes: number }
  /** The server has closed. */
  | { until: "closed" }
  /** Nothing has come for so long. Only where the case is about time. Milliseconds. */
  | { quietMs: number }
  /** One byte per write, with a turn of the event loop between. */
  | { byteByByte: string }
  /** A request of its own on a fresh connection; its answer is awaited. */
  | { meanwhile: string }
  /** No more bytes from this side; the other direction stays open. */
  | { halfClose: true }
  /** Closes in both directions, as a client does that wants no more (FIN, and RST to whatever still comes). */
  | { close: true }
  /** The connection is gone without a goodbye (RST). */
  | { reset: true }
  /** Stops and starts reading. */
  | { reading: boolean };

export interface Transcript {
  answers: Answer[];
  /** The server sent something that no server may send. */
  fault: string | null;
  /** `open`: it took another request. `silent`: it neither answered nor closed before the deadline. */
  end: "open" | "closed" | "reset" | "silent";
  /** Bytes of the tunnel after a 101. */
  tunnel: Buffer;
}

export interface Exchange {
  port: number;
  /** Stands for `{host}` in the steps. */
  host: string;
  steps: readonly Step[];
  /** The requests in the steps, in order. */
  asked: readonly Asked[];
  /**
   * What is done when all answers have come: `probe` sends one more good request and sees whether it is answered,
   * `wait` waits for the server to close, `leave` hangs up.
   */
  finally: "probe" | "wait" | "leave";
  /** How long the whole exchange may take. Milliseconds. */
  deadlineMs: number;
}

const PROBE = "GET /hello?probe HTTP/1.1\r\nHost: {host}\r\n\r\n";

/** Runs the steps and gives what came back. Never throws for what the server does. Leaves no socket behind. */
export async function converse(exchange: Exchange): Promise<Transcript> {
  const asked =
    exchange.finally === "probe" ? [...exchange.asked, { method: "GET" }] : exchange.asked;
  const connection = await RawConnection.open(exchange, asked);
  const count = exchange.asked.length;
  let end: Transcript["end"] = "silent";
  try {
    for (const step of exchange.steps) await connection.take(step);
    await connection.until(() => connection.answered >= count || connection.ended !== null);
    const isProbed = exchange.finally === "probe" && connection.ended === null;
    if (isProbed) {
      await connection.send(PROBE.replaceAll("{host}", exchange.host));
      await connection.until(() => connection.answers.length > count || connection.ended !== null);
    } else if (exchange.finally === "wait") {
      await connection.until(() => connection.ended !== null);
    }
    const probe = connection.answers[count];
    if (probe !== undefined && probe.body.latin1Slice() !== "hello") {
      connection.fault ??= `the next request was answered with ${probe.status} ${JSON.stringify(probe.body.latin1Slice().slice(0, 200))}`;
    }
    end = connection.ended ?? "open";
    // The request of the probe can cross the close; the kernel answers it with a reset, which says nothing.
    if (isProbed && end === "reset") end = "closed";
    if (probe?.complete) end = "open";
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
  } finally {
    connection.hangUp();
  }
  const { reader, fault } = connection;
  const answers = connection.answers.slice(0, count);
  if (reader.current !== null && answers.length < count)
    answers.push({ ...reader.current, body: reader.partialBody });
  const isTunnel = reader.current?.framing === "tunnel";
  return { answers, fault, end, tunnel: isTunnel ? reader.partialBody : Buffer.alloc(0) };
}

/** The exchange took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = "DeadlineError";
}

/** One connection. For tests that need to act between the steps; `converse` is the usual way in. */
export class RawConnection {
  readonly reader: AnswerReader;
  /** How the server ended the connection; null while it is open. */
  ended: "closed" | "reset" | null = null;
  fault: string | null = null;
  readonly #target: { port: number; host: string };
  readonly #deadlineAtMs: number;
  #socket!: Socket;
  #isLeaving = false;
  #changed = Promise.withResolvers<void>();
  #drained = Promise.withResolvers<void>();

  private constructor(
    target: { port: number; host: string; deadlineMs: number },
    asked: readonly Asked[],
  ) {
    this.#target = target;
    this.#deadlineAtMs = performance.now() + target.deadlineMs;
    this.reader = new AnswerReader(asked);
  }

  static async open(
    target: { port: number; host: string; deadlineMs: number },
    asked: readonly Asked[],
  ): Promise<RawConnection> {
    const connection = new RawConnection(target, asked);
    connection.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: target.port,
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) =>
          connection.#read(() => connection.reader.push(Buffer.from(bytes))),
        end: () => connection.#end("closed"),
        close: (_socket, error) => connection.#end(error == null ? "closed" : "reset"),
        error: () => connection.#end("reset"),
        drain: () => {
          connection.#drained.resolve();
          connection.#drained = Promise.withResolvers<void>();
        },
      },
    });
    connection.#socket.setNoDelay(true);
    return connection;
  }

  /** Answers that have come; one that opened a tunnel counts. */
  get answered(): number {
    return this.answers.length + (this.reader.current?.framing === "tunnel" ? 1 : 0);
  }

  get answers(): Answer[] {
    return this.reader.answers;
  }

  /** Does one step. @throws {DeadlineError} */
  async take(step: Step): Promise<void> {
    if (typeof step === "string") return this.send(step.replaceAll("{host}", this.#target.host));
    if (step instanceof Uint8Array) return this.send(step);
    if ("until" in step) return this.until(() => this.#isReached(step) || this.ended !== null);
    if ("quietMs" in step) return Bun.sleep(step.quietMs);
    if ("byteByByte" in step)
      return this.#sendByteByByte(step.byteByByte.replaceAll("{host}", this.#target.host));
    if ("meanwhile" in step) return this.#meanwhile(step.meanwhile);
    if ("halfClose" in step) this.#socket.shutdown();
    else if ("close" in step) this.#leave(() => this.#socket.end());
    else if ("reset" in step) this.#leave(() => this.#socket.terminate());
    else if (step.reading) this.#socket.resume();
    else this.#socket.pause();
  }

  /** Resolves when the kernel has taken every byte, or the server is gone. @throws {DeadlineError} */
  async send(data: string | Uint8Array): Promise<void> {
    let bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
    while (this.ended !== "reset") {
      const written = this.#socket.write(bytes);
      if (written < 0 || written >= bytes.length) return;
      bytes = bytes.subarray(written);
      await this.#beforeDeadline(this.#drained.promise);
    }
  }

  /** @throws {DeadlineError} */
  async until(isReached: () => boolean): Promise<void> {
    while (!isReached() && this.fault === null) await this.#beforeDeadline(this.#changed.promise);
  }

  hangUp(): void {
    this.#isLeaving = true;
    this.#socket.end();
    this.#socket.terminate();
  }

  #leave(effect: () => void): void {
    this.#isLeaving = true;
    effect();
    this.#end("closed");
  }

  #isReached(step: Extract<StepAction, { until: string }>): boolean {
    const { answers, current, interim, bodyBytes } = this.reader;
    switch (step.until) {
      case "interim":
        return interim.length > 0 || answers.some((answer) => answer.interim.length > 0);
      case "head":
        return answers.length + (current === null ? 0 : 1) > (step.answer ?? 0);
      case "answer":
        return answers.length > (step.answer ?? 0);
      case "body":
        return bodyBytes >= step.bytes || (answers.at(-1)?.body.length ?? 0) >= step.bytes;
      case "closed":
        return this.ended !== null;
    }
  }

  async #sendByteByByte(text: string): Promise<void> {
    for (const character of text) {
      if (this.ended !== null) return;
      await this.send(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #meanwhile(request: string): Promise<void> {
    const { port, host } = this.#target;
    const deadlineMs = this.#deadlineAtMs - performance.now();
    const method = request.slice(0, request.indexOf(" "));
    const asked = [{ method }];
    const transcript = await converse({
      port,
      host,
      steps: [request],
      asked,
      finally: "leave",
      deadlineMs,
    });
    if (!transcript.answers[0]?.complete) throw new DeadlineError(`no answer to ${request}`);
  }

  async #beforeDeadline(promise: Promise<void>): Promise<void> {
    const leftMs = this.#deadlineAtMs - performance.now();
    if (leftMs <= 0) throw new DeadlineError();
    let timer: Timer | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new DeadlineError()), leftMs);
    });
    try {
      await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #read(effect: () => void): void {
    try {
      if (this.fault === null) effect();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.fault = error.message;
    }
    this.#notify();
  }

  #end(how: "closed" | "reset"): void {
    if (this.ended === null && !this.#isLeaving) {
      this.ended = how;
      this.#read(() => this.reader.close());
    }
    this.ended ??= how;
    this.#drained.resolve();
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
