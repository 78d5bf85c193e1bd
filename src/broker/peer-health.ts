/**
 * Whether a peer is believed to serve, from its checks. Putting one out and in again moves keys, so it takes several checks
 * that say the same:
 *
 *   unseen ──first good──▶ in ──`peerFailuresMax` failures in a row──▶ out ──`peerGoodChecksMin` good ones in a row──▶ in
 */
import { peerFailuresMax, peerGoodChecksMin } from "./limits.ts";

export class PeerHealth {
  #isHealthy = false;
  /** Good checks that put it in; one for a peer that has never been in. */
  #goodMin = 1;
  /** Checks in a row that say something else than `isHealthy`. */
  #otherwise = 0;

  get isHealthy(): boolean {
    return this.#isHealthy;
  }

  /** Whether it has ever been in. */
  get wasIn(): boolean {
    return this.#goodMin !== 1;
  }

  /** @returns whether `isHealthy` is another now */
  noteCheck(isGood: boolean): boolean {
    if (isGood === this.#isHealthy) {
      this.#otherwise = 0;
      return false;
    }
    this.#otherwise += 1;
    if (this.#otherwise < (isGood ? this.#goodMin : peerFailuresMax)) return false;
    this.#isHealthy = isGood;
    this.#otherwise = 0;
    this.#goodMin = peerGoodChecksMin;
    return true;
  }
}
