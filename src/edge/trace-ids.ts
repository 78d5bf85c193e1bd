/**
 * Ids for requests that bring none: a W3C trace id, which is the request id too, and a span id. Random bytes are drawn
 * in batches, so that an id costs a slice.
 */

/** Random bytes drawn at once. */
const batchBytes = 4096;
/** 16 bytes of trace id and 8 of span id. */
const idBytes = 24;

export class TraceIds {
  readonly #fill: (bytes: Buffer) => void;
  readonly #batch = Buffer.alloc(batchBytes);
  #at = batchBytes;

  /** `fill` fills a buffer with random bytes. */
  constructor(fill: (bytes: Buffer) => void) {
    this.#fill = fill;
  }

  /** 48 hex digits: a trace id (32) and a span id (16). */
  next(): string {
    if (this.#at + idBytes > batchBytes) {
      this.#fill(this.#batch);
      this.#at = 0;
    }
    const from = this.#at;
    this.#at += idBytes;
    return this.#batch.toString("hex", from, from + idBytes);
  }
}
