/**
 * Pieces of chunks that leave in one write. A piece that is alone is written where it stands; several are copied into one,
 * up to a bound, beyond which they are written one by one.
 *
 * Nothing here is a slice: to make one, Bun gives the bytes of a small chunk a home of their own, which takes longer than
 * to copy them.
 */
import { gatheredBytesMax } from "./limits.ts";

/** Whoever takes the bytes; it never changes them, and nobody else does. */
export interface Taker {
  write(bytes: Buffer, from: number, end: number): void;
}

export class Gathered {
  readonly #pieces: Buffer[] = [];
  /** Where each begins and ends. */
  readonly #bounds: number[] = [];
  #bytes = 0;

  /** @param taker gets what is beyond the bound at once */
  add(taker: Taker, bytes: Buffer, from: number, end: number): void {
    if (end <= from) return;
    this.#pieces.push(bytes);
    this.#bounds.push(from, end);
    this.#bytes += end - from;
    if (this.#bytes >= gatheredBytesMax) this.#writeEach(taker);
  }

  /** Writes what is left, and is empty then. */
  writeTo(taker: Taker): void {
    if (this.#pieces.length <= 1) return this.#writeEach(taker);
    const all = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    for (let index = 0; index < this.#pieces.length; index += 1) {
      at += this.#pieces[index]!.copy(
        all,
        at,
        this.#bounds[2 * index],
        this.#bounds[2 * index + 1],
      );
    }
    this.#clear();
    taker.write(all, 0, all.length);
  }

  #writeEach(taker: Taker): void {
    for (let index = 0; index < this.#pieces.length; index += 1) {
      taker.write(this.#pieces[index]!, this.#bounds[2 * index]!, this.#bounds[2 * index + 1]!);
    }
    this.#clear();
  }

  #clear(): void {
    this.#pieces.length = 0;
    this.#bounds.length = 0;
    this.#bytes = 0;
  }
}
