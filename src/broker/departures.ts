/**
 * Many waiters that have to leave, spread over a time: all of them when the broker ends, those of some keys when other
 * brokers own these from now on. They are redirected, or their connection is closed; an error would end their runners.
 *
 *   drain:  wait for open offers ──▶ spread the end of the waiters over `drainMs` ──▶ drained
 */
import type { MatchKey } from "./broker-api.ts";
import type { BrokerState } from "./broker-state.ts";
import { relocateMs } from "./limits.ts";
import type { ParkedWaiter } from "./parked-waiter.ts";
import { pollLocation } from "./redirect-query.ts";
import { Spread } from "./spread.ts";

/** Where other brokers are, as `Membership` says it. */
export interface Placement {
  readonly epoch: string;
  /** Base URL; null: this broker. */
  ownerOf(key: MatchKey): string | null;
  /** Base URL of the owner when this broker has ended; null: nobody else serves. */
  heirOf(key: MatchKey): string | null;
}

interface Departure {
  readonly spread: Spread;
  /** Last first. */
  readonly waiters: ParkedWaiter[];
  readonly isDrain: boolean;
}

export class Departures {
  readonly #state: BrokerState;
  readonly #random: (below: number) => number;
  readonly #placement: Placement | null;
  #current: Departure | null = null;

  constructor(state: BrokerState, random: (below: number) => number, placement: Placement | null) {
    this.#state = state;
    this.#random = random;
    this.#placement = placement;
  }

  /** Whether all who were to leave have left. */
  get isOver(): boolean {
    return this.#current === null;
  }

  /** All waiters leave, those that come meanwhile too. */
  drain(): void {
    const { clock, config, waiters } = this.#state;
    this.#current = {
      spread: new Spread(clock.lastMs, config.drainMs, this.#random),
      waiters: waiters.all().reverse(),
      isDrain: true,
    };
  }

  /** Those leave whose key is another broker's. A drain goes on. */
  relocate(): void {
    const { clock, waiters } = this.#state;
    const placement = this.#placement;
    if (placement === null || this.#current?.isDrain) return;
    const moved = waiters.all().filter(({ poll }) => placement.ownerOf(poll.key) !== null);
    this.#current = {
      spread: new Spread(clock.lastMs, relocateMs, this.#random),
      waiters: moved.reverse(),
      isDrain: false,
    };
  }

  tick(nowMs: number): void {
    const departure = this.#current;
    if (departure === null) return;
    const { isDrain, spread, waiters } = departure;
    for (let left = spread.take(waiters.length, nowMs); left > 0; left--) {
      const waiter = waiters.pop();
      if (waiter !== undefined) this.#send(waiter, isDrain);
    }
    // With nobody left there is nothing to wait for: who comes now finds a closed connection a moment later at most.
    const isEmpty = isDrain && this.#state.waiters.count === 0;
    if (!spread.isOver(nowMs) && !isEmpty) return;
    // Those that came after the list was made.
    if (isDrain) for (const waiter of this.#state.waiters.all()) this.#send(waiter, true);
    this.#current = null;
  }

  /** At once. */
  end(waiter: ParkedWaiter): void {
    this.#send(waiter, true);
  }

  #send(waiter: ParkedWaiter, isDrain: boolean): void {
    const { clock, counters, waiters } = this.#state;
    // Its client has gone, or it has an offer.
    if (!waiters.remove(waiter)) return;
    const { beganMs, hops, poll, socket } = waiter;
    const placement = this.#placement;
    const url = isDrain ? placement?.heirOf(poll.key) : placement?.ownerOf(poll.key);
    if (url === null || url === undefined) {
      counters.closed.drained += 1;
      socket.close();
      return;
    }
    counters.moved += 1;
    const path = { lease: null, hops, elapsedMs: clock.lastMs - beganMs };
    socket.redirect(pollLocation(url, path, placement!.epoch));
  }
}
