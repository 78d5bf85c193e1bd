/** Memory of the measured processes while they are under load: looks now and then, and keeps the most it has seen. */
import { memorySampleMs } from "./limits.ts";
import type { ProcessSample } from "./process-sample.ts";
import type { MemoryPeaks } from "./run-totals.ts";

export class ProcessWatch implements Disposable {
  readonly #look: () => ProcessSample;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #first: ProcessSample;
  #nodeBytesPeak = 0;
  #appsBytesPeak = 0;

  /** Looks at once and every `memorySampleMs`; dispose it to stop. */
  constructor(look: () => ProcessSample) {
    this.#look = look;
    this.#first = this.look();
    this.#timer = setInterval(() => this.look(), memorySampleMs);
  }

  look(): ProcessSample {
    const sample = this.#look();
    this.#nodeBytesPeak = Math.max(this.#nodeBytesPeak, sample.nodeBytes);
    this.#appsBytesPeak = Math.max(this.#appsBytesPeak, sample.appsBytes);
    return sample;
  }

  /** What there was at first, the most since then, and what there is now. */
  peaks(): MemoryPeaks {
    const after = this.look();
    const [nodeBytesPeak, appsBytesPeak] = [this.#nodeBytesPeak, this.#appsBytesPeak];
    return { before: this.#first, after, nodeBytesPeak, appsBytesPeak };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
