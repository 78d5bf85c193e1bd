/**
 * Whether a peer is believed to serve, from its checks. Putting one out and in again moves keys, so it takes several checks
 * that say the same:
 *
 *   unseen ──first good──▶ in ──`peerFailuresMax` failures in a row──▶ out ──`peerGoodChecksMin` good ones in a row──▶ in
 *                           └──`peerRefusalsMax` refusals in a row──▶ out
 *
 * A peer that is late may be busy, or the way to it bad. Where nobody listens no runner gets an answer either: that its keys stay
 * its own would help nobody.
 */
import { peerFailuresMax, peerGoodChecksMin, peerRefusalsMax } from "./limits.ts";
import type { PeerFailure } from "./peer-check.ts";

export class PeerHealth {
  #isHealthy = false;
  /** Good checks that put it in; one for a peer that has never been in. */
  #goodMin = 1;
  /** Checks in a row that say something else than `isHealthy`. */
  #otherwise = 0;
  /** Refusals in a row. */
  #refusals = 0;

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Whether it has ever been in. */
  get wasIn(): boolean {
    return this.#goodMin !== 1;
  }

  /** It is in, and the next refusal puts it out: another check soon says whether it is gone. */
  get isNearlyGone(): boolean {
    return this.#isHealthy && this.#refusals === peerRefusalsMax - 1;
  }

  /** @returns whether `isHealthy` is another now */
  noteCheck(result: "good" | PeerFailure): boolean {
    const isGood = result === "good";
    this.#refusals = result === "refused" ? this.#refusals + 1 : 0;
    if (isGood === this.#isHealthy) {
      this.#otherwise = 0;
      return false;
    }
    this.#otherwise += 1;
    const isGone = !isGood && this.#refusals >= peerRefusalsMax;
    if (!isGone && this.#otherwise < (isGood ? this.#goodMin : peerFailuresMax)) return false;
    this.#isHealthy = isGood;
    this.#otherwise = 0;
    this.#goodMin = peerGoodChecksMin;
    return true;
  }
}
