/**
 * Numbers by the name of what they are of, for very many names: all of it stands in typed arrays. A hundred thousand texts in a
 * Map would be looked at by each run of the collector, and made those ten times as long: pauses that every dispatch feels.
 *
 * A name is known by 96 bits of hash. Two of 100,000 names that share them come up once in 10^23 dispatches.
 */

import { hashSeed, spread } from "./name-hash.ts";

/** Per entry. */
const lanes = 3;

/** Of the latest `readName`. */
let first = 0;
let second = 0;
let third = 0;

export class OutcomeTable {
  readonly #countMax: number;
  /** By hash: the entry's number and 1; 0 is empty. A power of 2, at least twice `countMax`. */
  readonly #slots: Int32Array;
  readonly #prints: Int32Array;
  readonly #values: Float64Array;
  #count = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * countMax)));
    this.#prints = new Int32Array(lanes * countMax);
    this.#values = new Float64Array(countMax);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= this.#countMax;
  }

  /** @returns -1: there is none */
  get(name: string): number {
    readName(name);
    const entry = this.#slots[this.#find()]! - 1;
    return entry === -1 ? -1 : this.#values[entry]!;
  }

  /** It is not full, unless it has the name. @param value 0 or more */
  set(name: string, value: number): void {
    readName(name);
    const slot = this.#find();
    let entry = this.#slots[slot]! - 1;
    if (entry === -1) {
      entry = this.#count;
      this.#count += 1;
      this.#slots[slot] = this.#count;
      this.#prints[entry * lanes] = first;
      this.#prints[entry * lanes + 1] = second;
      this.#prints[entry * lanes + 2] = third;
    }
    this.#values[entry] = value;
  }

  clear(): void {
    this.#slots.fill(0);
    this.#count = 0;
  }

  /** The slot of the name that was read last, or the empty one where it belongs. */
  #find(): number {
    const slots = this.#slots;
    const prints = this.#prints;
    const mask = slots.length - 1;
    for (let slot = first & mask; ; slot = (slot + 1) & mask) {
      const at = (slots[slot]! - 1) * lanes;
      if (at < 0) return slot;
      if (prints[at] === first && prints[at + 1] === second && prints[at + 2] === third)
        return slot;
    }
  }
}

/** Each lane turns and multiplies by numbers of its own, so that names which meet in one do not in the others. */
function readName(name: string): void {
  let a = hashSeed;
  let b = hashSeed ^ 0x9e3779b9;
  let c = ~hashSeed;
  for (let at = 0; at < name.length; at++) {
    const code = name.charCodeAt(at) + 1;
    a ^= code;
    a = Math.imul((a << 13) | (a >>> 19), 0x85ebca6b);
    b ^= code;
    b = Math.imul((b << 11) | (b >>> 21), 0xc2b2ae35);
    c ^= code;
    c = Math.imul((c << 7) | (c >>> 25), 0x27d4eb2f);
  }
  first = spread(a);
  second = spread(b);
  third = spread(c);
}
