/** Attempts without a verdict: how many and how large they may be, and those among them that something is due with. */
import type { Attempt } from "./attempt.ts";
import type { Dispatch } from "./broker-api.ts";
import { Chain } from "./chain.ts";
import { pendingBytesMax, pendingMax } from "./limits.ts";

export class PendingAttempts {
  /** Offered and held ones, in the order in which they became it. */
  readonly waiting = new Chain<Attempt>();
  #bytes = 0;

  /** Of all their messages. */
  get bytes(): number {
    return this.#bytes;
  }

  hasRoom({ message }: Dispatch): boolean {
    const bytes = this.#bytes + message.byteLength;
    // One always may: any single message is bounded by itself.
    return this.waiting.count < pendingMax && (bytes <= pendingBytesMax || this.#bytes === 0);
  }

  begin({ dispatch }: Attempt): void {
    this.#bytes += dispatch.message.byteLength;
  }

  /** It has a verdict, or nobody wants one any more. */
  end({ dispatch }: Attempt): void {
    this.#bytes -= dispatch.message.byteLength;
  }

  /** A copy of those that wait: they may end while it is gone through. For what is rare. */
  all(): Attempt[] {
    const all: Attempt[] = [];
    for (let attempt = this.waiting.first; attempt !== null; attempt = attempt.next) {
      all.push(attempt);
    }
    return all;
  }
}
