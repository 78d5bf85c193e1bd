/** What the measured processes hold while they are under load: looks now and then, and keeps the most it has seen. */
import { holdingsSampleMs } from "./limits.ts";
import type { ProcessSample } from "./process-sample.ts";
import type { Holdings } from "./run-totals.ts";

export class ProcessWatch implements Disposable {
  readonly #look: () => ProcessSample;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #first: ProcessSample;
  #peak: ProcessSample;

  /** Looks at once and every `holdingsSampleMs`; dispose it to stop. */
  constructor(look: () => ProcessSample) {
    this.#look = look;
    this.#first = look();
    this.#peak = this.#first;
    this.#timer = setInterval(() => this.look(), holdingsSampleMs);
  }

  look(): ProcessSample {
    const sample = this.#look();
    const peak = { ...this.#peak };
    for (const name of Object.keys(peak) as (keyof ProcessSample)[]) {
      peak[name] = Math.max(peak[name], sample[name]);
    }
    this.#peak = peak;
    return sample;
  }

  /** What there was at first, the most since then, and what there is now. */
  holdings(): Holdings {
    const after = this.look();
    return { before: this.#first, peak: this.#peak, after };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
