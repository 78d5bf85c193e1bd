/** A pool's claim to a place and to memory: who waits for its starts, and why one has none. */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { holdTimeoutMs, startBytesExpected } from "./limits.ts";
import type { MemoryRoom, MemoryShare } from "./memory-room.ts";
import type { Claimant, Place, Places } from "./places.ts";

/** What an instance needs to be started. */
export interface Claimed {
  place: Place;
  share: MemoryShare;
}

export class Claim implements Claimant {
  readonly spec: VersionSpec;
  readonly #places: Places;
  readonly #room: MemoryRoom;
  readonly #requests: { readonly waiting: number };
  /** A start is wanted whether or not requests wait; for as long as a request would. */
  isStartAsked = false;
  /** What the latest process of the version took at most, or a new one is expected to take. Bytes. */
  expectedBytes = startBytesExpected;
  #waitsFor: "place" | "memory" | null = null;

  /** @param requests of the pool, of which some may wait */
  constructor(
    spec: VersionSpec,
    places: Places,
    room: MemoryRoom,
    requests: { readonly waiting: number },
  ) {
    this.spec = spec;
    this.#places = places;
    this.#room = room;
    this.#requests = requests;
  }

  isAwaited(waitedMs: number): boolean {
    return this.#requests.waiting > 0 || (this.isStartAsked && waitedMs < holdTimeoutMs);
  }

  /** Whether a start would get all it needs at once, and nobody has to make way for it. */
  get isFree(): boolean {
    return this.#places.hasFree && this.#room.has(this.expectedBytes);
  }

  /** @throws {PlatformError} why there is none */
  async take(): Promise<Claimed> {
    try {
      this.#waitsFor = "place";
      const place = await this.#places.take(this);
      this.#waitsFor = "memory";
      try {
        // Who makes way gives back both.
        return { place, share: await this.#room.take(this, this.expectedBytes) };
      } catch (error) {
        place.release();
        throw error;
      }
    } finally {
      this.#waitsFor = null;
    }
  }

  /** Ends the waiting with an error. Without waiting it does nothing. */
  giveUp(error: PlatformError): void {
    this.#places.giveUp(this, error);
    this.#room.giveUp(this, error);
  }

  /** Why a request was held in vain. */
  heldTooLong(): PlatformError {
    if (this.#waitsFor === "place") return this.#places.fullError(this);
    if (this.#waitsFor === "memory") return this.#room.fullError(this, this.expectedBytes);
    return new PlatformError("HOLD_TIMEOUT", [this.spec.app, holdTimeoutMs]);
  }
}
