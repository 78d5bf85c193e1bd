/** A pool's claim to places: who waits for its starts, and why one has none. */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { holdTimeoutMs } from "./limits.ts";
import type { Claimant, Place, Places } from "./places.ts";

export class Claim implements Claimant {
  readonly spec: VersionSpec;
  readonly #places: Places;
  readonly #requests: { readonly waiting: number };
  /** A start is wanted whether or not requests wait; for as long as a request would. */
  isStartAsked = false;
  #isWaiting = false;

  /** @param requests of the pool, of which some may wait */
  constructor(spec: VersionSpec, places: Places, requests: { readonly waiting: number }) {
    this.spec = spec;
    this.#places = places;
    this.#requests = requests;
  }

  isAwaited(waitedMs: number): boolean {
    return this.#requests.waiting > 0 || (this.isStartAsked && waitedMs < holdTimeoutMs);
  }

  /** @throws {PlatformError} why there is none */
  async take(): Promise<Place> {
    this.#isWaiting = true;
    try {
      return await this.#places.take(this);
    } finally {
      this.#isWaiting = false;
    }
  }

  /** Ends the waiting with an error. Without waiting it does nothing. */
  giveUp(error: PlatformError): void {
    this.#places.giveUp(this, error);
  }

  /** Why a request was held in vain. */
  heldTooLong(): PlatformError {
    if (this.#isWaiting) return this.#places.fullError(this);
    return new PlatformError("HOLD_TIMEOUT", [this.spec.app, holdTimeoutMs]);
  }
}
