/**
 * Who is logging in. Whoever means to takes milliseconds: the one that has been at it longest is in the way of the others.
 * Those from beyond this machine have less room, and those of one address less still, so that apps can always log in.
 */
import * as limits from "./limits.ts";

export interface Stranger {
  /** Of who has connected from beyond this machine; null for this machine. */
  readonly address: string | null;
  /** Ends it; `Strangers.remove` is called meanwhile. */
  refuse(code: string, text: string): void;
}

export class Strangers {
  /** Oldest first. */
  readonly #all = new Set<Stranger>();
  readonly #beyond = new Set<Stranger>();
  readonly #ofAddress = new Map<string, number>();

  get size(): number {
    return this.#all.size;
  }

  /** Makes room, then takes it in. */
  add(stranger: Stranger): void {
    const { address } = stranger;
    if (address !== null) {
      if ((this.#ofAddress.get(address) ?? 0) >= limits.strangersOfOneMax) {
        turnAway(this.#beyond, limits.strangersOfOneMax, (one) => one.address === address);
      }
      if (this.#beyond.size >= limits.strangersBeyondMax) {
        turnAway(this.#beyond, limits.strangersBeyondMax);
      }
      this.#beyond.add(stranger);
      this.#ofAddress.set(address, (this.#ofAddress.get(address) ?? 0) + 1);
    }
    if (this.#all.size >= limits.strangersMax) turnAway(this.#all, limits.strangersMax);
    this.#all.add(stranger);
  }

  /** Twice is safe. */
  remove(stranger: Stranger): void {
    this.#all.delete(stranger);
    const { address } = stranger;
    if (address === null || !this.#beyond.delete(stranger)) return;
    const left = this.#ofAddress.get(address)! - 1;
    if (left === 0) this.#ofAddress.delete(address);
    else this.#ofAddress.set(address, left);
  }
}

/** The oldest of them. */
function turnAway(
  strangers: ReadonlySet<Stranger>,
  countMax: number,
  isMeant: (stranger: Stranger) => boolean = () => true,
): void {
  for (const one of strangers) {
    if (!isMeant(one)) continue;
    one.refuse("53300", `more than ${countMax} connections are logging in`);
    return;
  }
}
