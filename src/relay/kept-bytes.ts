/** What a client has sent in batches that are not answered, so that it can be sent again. Bounded; nothing is copied. */
import { keptBytesMax } from "./limits.ts";

export class KeptBytes {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  /** Offset of the first byte that is kept, in all that the client has sent on. */
  #startByte = 0;
  /** It was more than may be kept. */
  #isOverfull = false;

  /** Whether everything from this offset on is here. */
  has(startByte: number): boolean {
    return !this.#isOverfull && startByte >= this.#startByte;
  }

  add(bytes: Buffer, from: number, end: number): void {
    if (this.#isOverfull) return;
    this.#bytes += end - from;
    if (this.#bytes > keptBytesMax) {
      this.#isOverfull = true;
      this.#chunks.length = 0;
      return;
    }
    const isAll = from === 0 && end === bytes.length;
    this.#chunks.push(isAll ? bytes : bytes.subarray(from, end));
  }

  /** Everything before this offset is answered. */
  dropBefore(startByte: number): void {
    if (this.#isOverfull) return;
    while (this.#chunks.length > 0) {
      const { length } = this.#chunks[0]!;
      if (this.#startByte + length > startByte) return;
      this.#startByte += length;
      this.#bytes -= length;
      this.#chunks.shift();
    }
  }

  /** Everything is answered. @param startByte offset of what comes next */
  clear(startByte: number): void {
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#startByte = startByte;
    this.#isOverfull = false;
  }

  /** All from this offset on; `has` it before. */
  from(startByte: number): Buffer {
    return Buffer.concat(this.#chunks).subarray(startByte - this.#startByte);
  }
}
