/**
 * The body of a request that did not come whole with its head: a ReadableStream that asks the node for more only as the
 * app reads. What the app does not read stays with the client.
 *
 *   open ──read to its end──▶ done
 *    ├── cancel() of the app ──▶ dropping: what comes is taken and thrown away
 *    └── request over ──▶ done: a reader gets an error
 */
import { connectionClosed } from "./connection-closed.ts";

export class RequestBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #onTaken: (bytes: number) => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #chunks: Uint8Array[] = [];
  #state: "open" | "dropping" | "done" = "open";
  #hasEnd = false;
  #isAsked = false;

  /** `onTaken` is told how many bytes the app has taken. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#isAsked = true;
          this.#give();
        },
        cancel: () => this.drop(),
      },
      { highWaterMark: 0 },
    );
  }

  /** Adds bytes; the chunk is the stream's from now on. */
  push(chunk: Uint8Array): void {
    if (this.#state === "dropping") return this.#onTaken(chunk.length);
    if (this.#state === "done") return;
    this.#chunks.push(chunk);
    this.#give();
  }

  end(): void {
    this.#hasEnd = true;
    this.#give();
  }

  /** Nobody will read it: its bytes are taken off the client's hands, so that the request can end. */
  drop(): void {
    if (this.#state !== "open") return;
    this.#state = "dropping";
    for (const chunk of this.#chunks) this.#onTaken(chunk.length);
    this.#chunks = [];
  }

  /** The request is over before its body was: whoever still reads gets an error. Twice is safe. */
  fail(): void {
    if (this.#state !== "open") return;
    this.#state = "done";
    this.#chunks = [];
    this.#controller.error(connectionClosed());
  }

  #give(): void {
    if (this.#state !== "open") return;
    if (this.#isAsked && this.#chunks.length > 0) {
      this.#isAsked = false;
      const chunk = this.#chunks.shift()!;
      this.#controller.enqueue(chunk);
      this.#onTaken(chunk.length);
    }
    if (this.#hasEnd && this.#chunks.length === 0) {
      this.#state = "done";
      this.#controller.close();
    }
  }
}
