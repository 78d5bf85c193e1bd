/**
 * Items by name, where each dispatch brings and takes some. A Map would do, but for the collector: whenever a Map makes room for itself
 * anew it leaves its former table behind, with what was in it and a reference to the next one. One of those that has grown old
 * holds all later ones until a full collection, and with them each message of some hundred dispatches: then young collections free
 * nothing, and every second one is a full one. Here an item that is deleted is held by nothing.
 */
import { hashOf } from "./name-hash.ts";

const slotsMin = 16;

export class NameTable<Item> {
  /** Where nothing is found: a hash leads to a slot, and from there on to the first empty one. A power of 2. */
  #items: (Item | null)[] = new Array(slotsMin).fill(null);
  #names: string[] = new Array(slotsMin).fill("");
  #hashes = new Int32Array(slotsMin);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get(name: string): Item | null {
    return this.#items[this.#find(name, hashOf(name))]!;
  }

  /** In the place of the one with this name, if there is one. */
  set(name: string, item: Item): void {
    const hash = hashOf(name);
    const slot = this.#find(name, hash);
    if (this.#items[slot] === null) {
      this.#count += 1;
      this.#names[slot] = name;
      this.#hashes[slot] = hash;
    }
    this.#items[slot] = item;
    if (this.#count * 2 > this.#items.length) this.#grow();
  }

  /** Twice is safe. */
  delete(name: string): void {
    const items = this.#items;
    const names = this.#names;
    const hashes = this.#hashes;
    const mask = items.length - 1;
    let hole = this.#find(name, hashOf(name));
    if (items[hole] === null) return;
    this.#count -= 1;
    // Those behind it that would not be found any more move up.
    for (let slot = (hole + 1) & mask; items[slot] !== null; slot = (slot + 1) & mask) {
      const wayFromHome = (slot - hashes[slot]!) & mask;
      if (wayFromHome < ((slot - hole) & mask)) continue;
      items[hole] = items[slot]!;
      names[hole] = names[slot]!;
      hashes[hole] = hashes[slot]!;
      hole = slot;
    }
    items[hole] = null;
    names[hole] = "";
  }

  /** All items, in no order. For what is rare: it looks at every slot. */
  *values(): IterableIterator<Item> {
    for (const item of this.#items) if (item !== null) yield item;
  }

  /** The slot of this name, or the empty one where it belongs. */
  #find(name: string, hash: number): number {
    const items = this.#items;
    const mask = items.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      if (items[slot] === null) return slot;
      if (this.#hashes[slot] === hash && this.#names[slot] === name) return slot;
    }
  }

  #grow(): void {
    const items = this.#items;
    const names = this.#names;
    const hashes = this.#hashes;
    const length = items.length * 2;
    this.#items = new Array(length).fill(null);
    this.#names = new Array(length).fill("");
    this.#hashes = new Int32Array(length);
    for (const [at, item] of items.entries()) {
      if (item === null) continue;
      const slot = this.#find(names[at]!, hashes[at]!);
      this.#items[slot] = item;
      this.#names[slot] = names[at]!;
      this.#hashes[slot] = hashes[at]!;
    }
  }
}
