/**
 * A look that several share. Who asks while one is under way gets the next, together with all who ask until then: what a
 * look has already passed may have changed since.
 *
 *   idle ──ask──▶ looking ──ask──▶ looking, one waits ──done──▶ looking ──done──▶ idle
 */
export class SharedLook<Found> {
  readonly #look: () => Promise<Found>;
  #current: Promise<Found> | null = null;
  #next: Promise<Found> | null = null;

  constructor(look: () => Promise<Found>) {
    this.#look = look;
  }

  /** What a look finds that begins now or later. Rejects when it fails. */
  ask(): Promise<Found> {
    if (this.#next !== null) return this.#next;
    if (this.#current === null) return this.#begin();
    const begin = () => this.#begin();
    // However that one ends.
    this.#next = this.#current.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<Found> {
    this.#next = null;
    const current = this.#look().finally(() => {
      if (this.#current === current) this.#current = null;
    });
    this.#current = current;
    return current;
  }
}
