/** What became of each dispatch of a run: a broker that is fast and loses messages, or delivers them twice, is not fast. */

/** Dispatches that are remembered: a later one takes the place of one so many before. Count. */
const remembered = 2 ** 22;

const said = 1;
const delivered = 2;

export class BrokerLedger {
  readonly #states = new Uint8Array(remembered);
  #next = 0;
  #lost = 0;
  #doubled = 0;

  /** Delivered a second time. Count. */
  get doubled(): number {
    return this.#doubled;
  }

  /** A new dispatch. @returns its number */
  begin(): number {
    const number = this.#next++;
    this.#settle(number);
    return number;
  }

  /** It was answered with true. */
  hit(number: number): void {
    this.#states[number % remembered]! |= said;
  }

  /** A controller has got it. */
  deliver(number: number): void {
    if (!(number >= 0 && number < this.#next)) return;
    const at = number % remembered;
    if ((this.#states[at]! & delivered) !== 0) this.#doubled += 1;
    this.#states[at]! |= delivered;
  }

  /** Answered with true, and nobody has it; so far. Count. */
  lost(): number {
    let lost = this.#lost;
    for (const state of this.#states) if (state === said) lost += 1;
    return lost;
  }

  #settle(number: number): void {
    const at = number % remembered;
    if (this.#states[at] === said) this.#lost += 1;
    this.#states[at] = 0;
  }
}
