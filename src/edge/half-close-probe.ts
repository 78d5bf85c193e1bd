/**
 * A client that has said it will send no more is either waiting for its answer or gone; both look the same until
 * something is written to it. The probe waits a little, since most answers come soon, and then writes.
 */
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import { halfCloseProbeMs } from "./limits.ts";

export class HalfCloseProbe implements Deadlined {
  deadlineMs: number;
  readonly #deadlines: Deadlines;
  readonly #write: () => void;

  constructor(deadlines: Deadlines, write: () => void) {
    this.#deadlines = deadlines;
    this.#write = write;
    this.deadlineMs = deadlines.after(halfCloseProbeMs);
    deadlines.add(this);
  }

  onDeadline(): void {
    this.cancel();
    this.#write();
  }

  /** Twice is safe. */
  cancel(): void {
    this.#deadlines.remove(this);
  }
}
