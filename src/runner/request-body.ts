/**
 * The body of a request that did not come whole with its head: a ReadableStream that asks the node for more only as the
 * app reads. What the app does not read stays with the client.
 */

export class RequestBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #onTaken: (bytes: number) => void;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  readonly #chunks: Uint8Array[] = [];
  #ended = false;
  #wantsChunk = false;
  #cancelled = false;

  /** `onTaken` is told how many bytes the app has taken. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => {
          this.#wantsChunk = true;
          this.#give();
        },
        cancel: () => {
          this.#cancelled = true;
          this.#drop();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** Adds bytes; the chunk is the stream's from now on. */
  push(chunk: Uint8Array): void {
    if (this.#ended) return;
    // Nobody will read them: take them off the client's hands, so that the request can end.
    if (this.#cancelled) {
      this.#onTaken(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#give();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#give();
  }

  /** The request is over before its body was: whoever still reads gets an error. Twice is safe. */
  fail(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunks.length = 0;
    if (!this.#cancelled) {
      this.#controller.error(new DOMException("The client closed the request", "AbortError"));
    }
    this.#cancelled = true;
  }

  #give(): void {
    if (this.#cancelled) return;
    if (this.#wantsChunk && this.#chunks.length > 0) {
      this.#wantsChunk = false;
      const chunk = this.#chunks.shift()!;
      this.#controller.enqueue(chunk);
      this.#onTaken(chunk.length);
    }
    if (this.#ended && this.#chunks.length === 0) {
      this.#cancelled = true;
      this.#controller.close();
    }
  }

  #drop(): void {
    let bytes = 0;
    for (const chunk of this.#chunks) bytes += chunk.length;
    this.#chunks.length = 0;
    if (bytes > 0) this.#onTaken(bytes);
  }
}
