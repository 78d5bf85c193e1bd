/**
 * The warm-start broker's core: who gets which message, and what is answered. It knows no socket and no timer; time, chance,
 * cordoned machines and other brokers are passed in.
 *
 * A message is offered to a waiter by a redirect; the request that follows it is the claim, and proves that the runner
 * lives. Only then it is delivered, and its dispatcher told `true`. Without a claim in time the offer lapses and the next
 * waiter gets one. `false` is always safe: the supervisor starts a runner. `true` is only said for what was claimed.
 * States of a dispatch: `attempt.ts`; of a waiter: `parked-waiter.ts`; of what was delivered: `retained-messages.ts`.
 *
 * Whatever is called on a socket or a dispatcher may call back at once: everything is in its new state before.
 */
import type { TurnClock } from "../base/turn-clock.ts";
import { Attempts } from "./attempts.ts";
import type {
  BrokerCore,
  ConnectAnswer,
  Dispatch,
  Dispatcher,
  DispatchRecord,
  MatchKey,
  Poll,
  PollPath,
  PollSocket,
  Waiter,
} from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import type { BrokerFacts, KeyFacts } from "./broker-facts.ts";
import { BrokerState } from "./broker-state.ts";
import { Departures, type Placement } from "./departures.ts";
import { DispatchNotes } from "./dispatch-notes.ts";
import { Intake } from "./intake.ts";
import { hopsMax, lateTickMs } from "./limits.ts";
import { ParkedWaiter } from "./parked-waiter.ts";

export interface BrokerOptions {
  config: BrokerConfig;
  /** The server's too: it looks once per callback, the core takes what it saw. */
  clock: TurnClock;
  /** A whole number from 0 up to, but not including, `below`. */
  random: (below: number) => number;
  /** Machines whose runners get nothing; call `cordonChanged` when others do. */
  cordon: { has(instance: string): boolean };
  /** Other brokers; null: there is none. Call `placementChanged` when keys have other owners. */
  placement: Placement | null;
  /** Called for each answered dispatch; null: nothing is made for it. */
  onDispatch: ((record: DispatchRecord) => void) | null;
}

export function createBroker(options: BrokerOptions): Broker {
  return new Broker(options);
}

export class Broker implements BrokerCore {
  readonly #state: BrokerState;
  readonly #attempts: Attempts;
  readonly #intake: Intake;
  readonly #departures: Departures;
  readonly #cordon: { has(instance: string): boolean };
  readonly #connectAnswer: ConnectAnswer;
  readonly #offAnswer: ConnectAnswer = { connectionTimeoutMs: 0, keepaliveMs: 0 };
  /** Polls are dismissed: switched off, and at once. */
  #isDismissing = false;
  #drained: PromiseWithResolvers<void> | null = null;
  #isDrainSpread = false;
  #tickMs: number;
  /** The latest tick was late, and ended nothing. */
  #isSpared = false;

  constructor({ config, clock, random, cordon, placement, onDispatch }: BrokerOptions) {
    const epoch = Array.from({ length: 2 }, () => random(2 ** 31).toString(36)).join("");
    this.#state = new BrokerState(config, clock, epoch);
    const notes = new DispatchNotes(onDispatch);
    this.#attempts = new Attempts(this.#state, notes);
    this.#intake = new Intake(this.#state, this.#attempts, notes);
    this.#departures = new Departures(this.#state, random, placement);
    this.#cordon = cordon;
    const { connectionTimeoutMs, keepaliveMs } = config;
    this.#connectAnswer = { connectionTimeoutMs, keepaliveMs };
    this.#tickMs = clock.lastMs;
  }

  // --- runners ---

  /** The same object for the same answer. */
  connect(address: string): ConnectAnswer {
    const { clock, counters, isOn, receipts } = this.#state;
    counters.connects += 1;
    receipts.connected(address, clock.lastMs);
    return isOn ? this.#connectAnswer : this.#offAnswer;
  }

  poll(poll: Poll, path: PollPath, socket: PollSocket, sameSocket: boolean): Waiter | null {
    const { clock, counters, doubts, waiters } = this.#state;
    counters.polls += 1;
    const isCordoned = this.#cordon.has(poll.instance);
    let isDoubtful = doubts.has(poll.controller);
    if (path.lease !== null) {
      const attempt = this.#attempts.claimed(path.lease, poll);
      if (attempt !== null && !isCordoned && this.#attempts.isAwaited(attempt)) {
        this.#attempts.deliverClaimed(attempt, poll, socket);
        return null;
      }
      if (attempt !== null) this.#attempts.lapse(attempt);
      counters.lateClaims += 1;
      isDoubtful = true;
    }
    this.#judgeDelivery(poll, path, sameSocket);
    const nowMs = clock.lastMs;
    const beganMs = nowMs - this.#elapsedMs(path, nowMs);
    if (this.#endsAtOnce(poll, socket, isCordoned, path.hops, beganMs)) return null;

    const isUsable = waiters.isUsable(beganMs, nowMs);
    if (isUsable && !isCordoned && this.#attempts.serve(poll, socket, path.hops, beganMs)) {
      return null;
    }
    if (waiters.count >= this.#state.config.waitersMax) {
      counters.closed.full += 1;
      socket.close();
      return null;
    }
    const rank = isCordoned ? "cordoned" : !isUsable ? "spent" : isDoubtful ? "doubtful" : "fresh";
    const waiter = new ParkedWaiter(poll, socket, nowMs, beganMs, path.hops, rank);
    waiters.park(waiter);
    this.#dismissSurplus(poll.key);
    return waiter.entry === null ? null : waiter;
  }

  isOwnLease(lease: string): boolean {
    return this.#state.offers.isOwn(lease);
  }

  gone(waiter: Waiter): void {
    this.#state.waiters.remove(waiter as ParkedWaiter);
  }

  lost(poll: Poll, socket: PollSocket): void {
    this.#attempts.lost(poll, socket);
  }

  // --- supervisors ---

  dispatch(dispatch: Dispatch, dispatcher: Dispatcher): object {
    return this.#intake.take(dispatch, dispatcher);
  }

  dispatcherGone(handle: object): void {
    this.#intake.leave(handle);
  }

  // --- time ---

  tick(): void {
    const { clock, doubts, receipts, verdicts } = this.#state;
    const nowMs = clock.nowMs();
    // Held up, this process has claims to read first. Where every tick is late, every other one counts.
    this.#isSpared = nowMs - this.#tickMs > lateTickMs && !this.#isSpared;
    this.#tickMs = nowMs;
    if (this.#isSpared) return;
    this.#attempts.tick(nowMs);
    this.#closeOverdue(nowMs);
    verdicts.sweep(nowMs);
    receipts.sweep(nowMs);
    doubts.sweep(nowMs);
    this.#departures.tick(nowMs);
    if (this.#drained !== null) this.#drainOn();
  }

  // --- operators ---

  /** Off, runners are told to go home when they ask, and dispatches are answered false. `now`: waiters are dismissed. */
  switch(isOn: boolean, now: boolean): void {
    this.#state.isOn = isOn;
    this.#isDismissing = !isOn && now;
    if (!isOn) this.#attempts.giveUpHeld(false);
    if (this.#isDismissing) this.#dismiss(this.#state.waiters.all(), "off");
  }

  /**
   * Ends the broker without harm to anybody: dispatches are answered false from now on, open offers get their time, then
   * waiters are redirected to an heir or closed, spread over `drainMs`. Needs ticks.
   *
   * @returns settles when nobody is left. Twice is safe.
   */
  drain(): Promise<void> {
    if (this.#drained === null) {
      this.#drained = Promise.withResolvers();
      this.#state.isDraining = true;
      this.#attempts.giveUpHeld(false);
    }
    return this.#drained.promise;
  }

  /** Ends at once what is left: dispatches get false, waiters are redirected or closed. */
  stop(): void {
    this.#state.isDraining = true;
    this.#attempts.giveUpAll();
    for (const waiter of this.#state.waiters.all()) this.#departures.end(waiter);
    this.#isDrainSpread = true;
    this.#drained ??= Promise.withResolvers();
    this.#drained.resolve();
  }

  /** Other machines are cordoned than before. */
  cordonChanged(): void {
    const { config, waiters } = this.#state;
    const isHeld = config.cordonAction === "skip";
    const ended = waiters.recordon((instance) => this.#cordon.has(instance), isHeld);
    this.#dismiss(ended, "cordoned");
    for (const { key } of [...waiters.entries()]) this.#dismissSurplus(key);
    this.#attempts.seekHeld();
  }

  /** Keys have other owners than before: waiters of those that are others' are redirected there, spread over some time. */
  placementChanged(): void {
    this.#departures.relocate();
  }

  facts(): BrokerFacts {
    const { counters, doubts, held, isDraining, isOn, offers, receipts, verdicts, waiters } =
      this.#state;
    return {
      counters,
      isOn,
      isDraining,
      epoch: offers.epoch,
      parked: waiters.count,
      doubtful: waiters.countOf("doubtful"),
      cordoned: waiters.countOf("cordoned"),
      spent: waiters.countOf("spent"),
      keys: waiters.keysCount,
      pending: this.#attempts.count,
      offered: offers.count,
      held: held.count,
      pendingBytes: this.#attempts.bytes,
      verdicts: verdicts.count,
      retained: receipts.retained.count,
      retainedBytes: receipts.retained.bytes,
      doubted: doubts.count,
      addresses: receipts.addresses,
    };
  }

  /** The keys with most waiters, those first. Looks at every key. */
  keysMost(countMax: number): KeyFacts[] {
    const most: KeyFacts[] = [];
    for (const { key, count } of this.#state.waiters.entries()) {
      const last = most[countMax - 1];
      if (last !== undefined && count <= last.waiters) continue;
      const at = most.findLastIndex(({ waiters }) => waiters >= count);
      most.splice(at + 1, 0, { key, waiters: count });
      most.length = Math.min(most.length, countMax);
    }
    return most;
  }

  // --- private ---

  /** A poll may show that the message before it did not arrive. */
  #judgeDelivery(poll: Poll, path: PollPath, sameSocket: boolean): void {
    const { clock, counters, receipts } = this.#state;
    const { retained } = receipts;
    if (retained.count === 0) return;
    const delivery = retained.get(poll.controller);
    if (delivery === null) return;
    const receipt = receipts.judge(delivery, poll, path, sameSocket, clock.lastMs);
    if (receipt === "none") return;
    if (receipt === "lost") this.#attempts.redeliver(delivery);
    else {
      retained.remove(delivery);
      counters.confirmed += 1;
    }
  }

  /** @returns whether the poll was answered */
  #endsAtOnce(
    poll: Poll,
    socket: PollSocket,
    isCordoned: boolean,
    hops: number,
    beganMs: number,
  ): boolean {
    const { config, counters } = this.#state;
    if (this.#isDismissing) {
      counters.dismissed.off += 1;
      socket.dismiss();
    } else if (isCordoned && config.cordonAction === "dismiss") {
      counters.dismissed.cordoned += 1;
      socket.dismiss();
    } else if (this.#isDrainSpread && this.#departures.isOver) {
      counters.closed.drained += 1;
      socket.close();
    } else if (hops >= hopsMax) {
      // It cannot be offered anything any more. Closed, its client begins to count anew.
      const mayDirectly = config.directWithinMs > 0 && !isCordoned;
      if (mayDirectly && this.#attempts.serve(poll, socket, hops, beganMs)) return true;
      counters.closed.hops += 1;
      socket.close();
    } else return false;
    return true;
  }

  /**
   * How long the client has waited before: what its redirect says, a number from outside, and how long ago that was. A runner
   * that stood still past its own time-out follows it all the same, in a thread that knows nothing of the time-out (Bun):
   * what it was given then would be read by nobody.
   */
  #elapsedMs({ elapsedMs, lease }: PollPath, nowMs: number): number {
    const sinceOfferMs = lease === null ? 0 : this.#state.offers.ageMs(lease, nowMs);
    const totalMs = (elapsedMs > 0 ? elapsedMs : 0) + sinceOfferMs;
    const elapsedMsMax = this.#state.config.connectionTimeoutMs;
    // In a lease that was made up the number may be none.
    return Number.isNaN(totalMs) ? elapsedMsMax : Math.min(totalMs, elapsedMsMax);
  }

  #dismissSurplus(key: MatchKey): void {
    const { config, waiters } = this.#state;
    const listedMax = config.waitersPerKeyMax;
    if (listedMax === 0) return;
    let waiter = waiters.surplus(key, listedMax);
    while (waiter !== null) {
      this.#dismiss([waiter], "surplus");
      waiter = waiters.surplus(key, listedMax);
    }
  }

  #dismiss(ended: readonly ParkedWaiter[], why: "surplus" | "off" | "cordoned"): void {
    const { counters, waiters } = this.#state;
    for (const waiter of ended) {
      if (!waiters.remove(waiter)) continue;
      counters.dismissed[why] += 1;
      waiter.socket.dismiss();
    }
  }

  #closeOverdue(nowMs: number): void {
    const { counters, waiters } = this.#state;
    for (let waiter = waiters.overdue(nowMs); waiter !== null; waiter = waiters.overdue(nowMs)) {
      waiters.remove(waiter);
      counters.closed.overdue += 1;
      waiter.socket.close();
    }
  }

  #drainOn(): void {
    if (!this.#isDrainSpread) {
      if (this.#state.offers.count > 0) return;
      this.#isDrainSpread = true;
      this.#departures.drain();
      return;
    }
    if (!this.#departures.isOver) return;
    this.#attempts.giveUpAll();
    this.#drained!.resolve();
  }
}
