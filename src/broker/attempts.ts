/** Carries each attempt from its beginning (`intake.ts`) to its verdict; `attempt.ts` draws the states. */
import { Attempt } from "./attempt.ts";
import type { Dispatch, MissReason, Poll, PollSocket } from "./broker-api.ts";
import type { BrokerState } from "./broker-state.ts";
import type { DispatchNotes } from "./dispatch-notes.ts";
import { giveUpSkewMs, heldMax, redeliveriesMax } from "./limits.ts";
import { PendingAttempts } from "./pending-attempts.ts";
import type { Delivery } from "./retained-messages.ts";

export class Attempts {
  readonly #state: BrokerState;
  readonly #notes: DispatchNotes;
  readonly #pending = new PendingAttempts();
  /** Its message is being handed to a socket, in this very call. */
  #delivering: Attempt | null = null;

  constructor(state: BrokerState, notes: DispatchNotes) {
    this.#state = state;
    this.#notes = notes;
  }

  /** Those without a verdict. */
  get count(): number {
    return this.#pending.waiting.count;
  }

  /** Of their messages. */
  get bytes(): number {
    return this.#pending.bytes;
  }

  // --- dispatchers ---

  /** @returns whether one more may wait, with a message of this size */
  hasRoom(dispatch: Dispatch): boolean {
    return this.#pending.hasRoom(dispatch);
  }

  /** Of a snapshot that has no verdict yet. It may be over when this returns. */
  begin(attempt: Attempt): void {
    this.#state.verdicts.open(attempt);
    this.#pending.begin(attempt);
    this.#seek(attempt);
  }

  /** Somebody who asked has gone: without anybody left who asks, nothing is delivered any more. */
  cancelUnwanted(attempt: Attempt): void {
    if (attempt.isWanted) return;
    if (attempt.state === "offered") this.#closeOffer(attempt);
    else if (attempt.state === "held") this.#endHold(attempt);
    else return;
    this.#cancel(attempt);
  }

  // --- runners ---

  /** The open offer that this runner claims; null when there is none. */
  claimed(lease: string, poll: Poll): Attempt | null {
    return this.#state.offers.find(lease, poll);
  }

  /** Whether the client that was offered it still waits; it does not if its claim lay unread here while this process stood still. */
  isAwaited({ beganMs }: Attempt): boolean {
    const { clock, config } = this.#state;
    return clock.lastMs - beganMs < config.connectionTimeoutMs - giveUpSkewMs;
  }

  /** The runner has claimed the open offer: it gets the message. */
  deliverClaimed(attempt: Attempt, poll: Poll, socket: PollSocket): void {
    const { clock, counters, doubts, receipts } = this.#state;
    this.#closeOffer(attempt);
    receipts.compare(attempt.poll!, poll, clock.lastMs);
    counters.claimLatency.add(clock.lastMs - attempt.offeredMs);
    doubts.remove(poll.controller);
    this.#deliver(attempt, poll, socket);
  }

  /** The open offer ends without a delivery: the next waiter's turn. */
  lapse(attempt: Attempt): void {
    const { clock, counters, doubts } = this.#state;
    this.#closeOffer(attempt);
    attempt.lapses += 1;
    counters.lapses += 1;
    doubts.add(attempt.poll!.controller, clock.lastMs);
    this.#seek(attempt);
  }

  /** Gives a poll that has just come to the attempt that waits for one. @returns false: none does */
  serve(poll: Poll, socket: PollSocket, hops: number, beganMs: number): boolean {
    const attempt = this.#state.held.first(poll.key);
    if (attempt === null) return false;
    this.#endHold(attempt);
    this.#give(attempt, poll, socket, hops, beganMs, this.#state.config.directWithinMs > 0);
    return true;
  }

  /** An answer did not leave whole: its offer is over, its delivery lost. */
  lost(poll: Poll, socket: PollSocket): void {
    const { offers, receipts } = this.#state;
    const delivering = this.#delivering;
    const delivery = receipts.retained.get(poll.controller);
    if (delivering !== null && delivering.poll === poll) {
      // Nobody was told of it yet: `#deliver` goes on with the next waiter.
      delivering.isLost = true;
      if (delivery !== null) receipts.retained.remove(delivery);
      return;
    }
    const offered = offers.latestOf(poll);
    if (offered !== null) this.lapse(offered);
    // A connection may break after its runner has polled on another and was given the message anew.
    else if (delivery?.socket === socket) this.redeliver(delivery);
  }

  /** What was delivered did not arrive. It is offered anew, to any waiter of its key. */
  redeliver(delivery: Delivery): void {
    const { clock, config, counters, receipts } = this.#state;
    counters.nacks += 1;
    receipts.retained.remove(delivery);
    if (delivery.redelivery >= redeliveriesMax || !this.#pending.hasRoom(delivery.dispatch)) {
      counters.redeliveriesFailed += 1;
      return;
    }
    const attempt = new Attempt(delivery.dispatch, null, clock.lastMs, delivery.redelivery + 1);
    attempt.untilMs = Math.max(
      receipts.retained.untilMs(delivery),
      clock.lastMs + config.claimTimeoutMs,
    );
    this.#pending.begin(attempt);
    this.#seek(attempt);
  }

  // --- time and switches ---

  /** Ends what is due. */
  tick(nowMs: number): void {
    for (let attempt = this.#pending.waiting.first; attempt !== null; ) {
      // Ending one may end the next one too: then the rest has its turn with the next tick.
      const { next }: Attempt = attempt;
      if (attempt.dueMs <= nowMs) {
        if (attempt.state === "offered") this.lapse(attempt);
        else this.#giveUp(attempt);
      }
      attempt = next;
    }
  }

  /** Ends those that wait for a runner; `redeliveries` too, or only those that somebody waits for. */
  giveUpHeld(redeliveries: boolean): void {
    for (const attempt of this.#pending.all()) {
      if (attempt.state !== "held") continue;
      if (redeliveries || attempt.redelivery === 0) this.#giveUp(attempt);
    }
  }

  /** Looks for waiters again, for those that wait for one. */
  seekHeld(): void {
    for (const attempt of this.#pending.all()) {
      if (attempt.state !== "held") continue;
      this.#endHold(attempt);
      this.#seek(attempt);
    }
  }

  /** Ends all, offers too. */
  giveUpAll(): void {
    for (const attempt of this.#pending.all()) {
      if (attempt.state === "offered") this.#closeOffer(attempt);
      else if (attempt.state === "held") this.#endHold(attempt);
      else continue;
      this.#fail(attempt);
    }
  }

  // --- private ---

  #seek(attempt: Attempt): void {
    const { clock, waiters } = this.#state;
    attempt.state = "seeking";
    if (!attempt.isWanted) {
      this.#cancel(attempt);
      return;
    }
    const nowMs = clock.lastMs;
    if (this.#mayTry(attempt, nowMs)) {
      const waiter = waiters.take(attempt.dispatch.key, nowMs);
      if (waiter !== null) {
        const { beganMs, hops, poll, polledMs, rank, socket } = waiter;
        const isDirect = rank === "fresh" && nowMs - polledMs < this.#state.config.directWithinMs;
        this.#give(attempt, poll, socket, hops, beganMs, isDirect);
        return;
      }
      if (this.#hold(attempt, nowMs)) return;
    }
    this.#fail(attempt);
  }

  #mayTry(attempt: Attempt, nowMs: number): boolean {
    const { config, isDraining, isOn } = this.#state;
    // It was promised; nobody can be told otherwise. Each offer that lapses takes a claim's time, which bounds their number.
    if (attempt.redelivery > 0) return nowMs < attempt.untilMs;
    if (attempt.tries >= config.offersMax) return false;
    if (!isOn || isDraining) return false;
    return attempt.tries === 0 || attempt.untilMs - nowMs >= config.claimTimeoutMs / 2;
  }

  #hold(attempt: Attempt, nowMs: number): boolean {
    const { counters, held, holdUntilMs } = this.#state;
    const untilMs =
      attempt.redelivery > 0 ? attempt.untilMs : Math.min(holdUntilMs, attempt.untilMs);
    if (nowMs >= untilMs || held.count >= heldMax) return false;
    attempt.state = "held";
    attempt.dueMs = untilMs;
    held.add(attempt);
    this.#pending.waiting.addLast(attempt);
    counters.held += 1;
    return true;
  }

  #endHold(attempt: Attempt): void {
    this.#state.held.remove(attempt);
    this.#pending.waiting.remove(attempt);
  }

  #giveUp(attempt: Attempt): void {
    this.#endHold(attempt);
    this.#fail(attempt);
  }

  #give(
    attempt: Attempt,
    poll: Poll,
    socket: PollSocket,
    hops: number,
    beganMs: number,
    isDirect: boolean,
  ): void {
    attempt.tries += 1;
    attempt.lease = "";
    attempt.beganMs = beganMs;
    if (isDirect) this.#deliver(attempt, poll, socket);
    else this.#offer(attempt, poll, socket, hops, beganMs);
  }

  #offer(attempt: Attempt, poll: Poll, socket: PollSocket, hops: number, beganMs: number): void {
    const { clock, config, counters, offers } = this.#state;
    const nowMs = clock.lastMs;
    if (attempt.untilMs === Number.POSITIVE_INFINITY) {
      attempt.untilMs = nowMs + config.dispatchTimeoutMs;
    }
    attempt.state = "offered";
    attempt.poll = poll;
    attempt.offers += 1;
    attempt.offeredMs = nowMs;
    attempt.dueMs = Math.min(nowMs + config.claimTimeoutMs, attempt.untilMs);
    this.#pending.waiting.addLast(attempt);
    counters.offers += 1;
    const lease = offers.open(attempt, nowMs);
    const elapsedMs = Math.round(nowMs - beganMs);
    socket.redirect(`/warm-start?lease=${lease}&h=${hops + 1}&e=${elapsedMs}`);
  }

  #closeOffer(attempt: Attempt): void {
    this.#state.offers.close(attempt);
    this.#pending.waiting.remove(attempt);
  }

  /** Directly, or after its claim: then the attempt has a lease. */
  #deliver(attempt: Attempt, poll: Poll, socket: PollSocket): void {
    const { clock, counters, receipts } = this.#state;
    const { dispatch, lease, redelivery } = attempt;
    attempt.state = "delivering";
    attempt.poll = poll;
    receipts.delivered(dispatch, poll, socket, lease, redelivery, clock.lastMs, attempt.beganMs);
    const outer = this.#delivering;
    this.#delivering = attempt;
    socket.deliver(dispatch.message);
    this.#delivering = outer;
    if (attempt.isLost) {
      attempt.isLost = false;
      counters.nacks += 1;
      this.#seek(attempt);
      return;
    }
    if (redelivery > 0) counters.redeliveries += 1;
    else if (lease === "") counters.direct += 1;
    else counters.claimed += 1;
    this.#settle(attempt, null);
  }

  #fail(attempt: Attempt): void {
    const { counters } = this.#state;
    const reason = this.#missReason(attempt);
    if (attempt.redelivery > 0) counters.redeliveriesFailed += 1;
    else counters.misses[reason] += 1;
    if (reason === "no_waiter") counters.missedKey = attempt.dispatch.key;
    this.#settle(attempt, reason);
  }

  #missReason({ dispatch, tries }: Attempt): MissReason {
    const { held, isDraining, isOn, waiters } = this.#state;
    if (tries > 0) return "unclaimed";
    if (isDraining) return "draining";
    if (!isOn) return "off";
    if (waiters.isCordoned(dispatch.key)) return "cordoned";
    return held.count >= heldMax ? "overloaded" : "no_waiter";
  }

  /** @param reason null: it was delivered */
  #settle(attempt: Attempt, reason: MissReason | null): void {
    const { clock, verdicts } = this.#state;
    const { dispatch, dispatcher, joined } = attempt;
    attempt.state = "done";
    this.#pending.end(attempt);
    if (attempt.redelivery > 0) return;
    attempt.dispatcher = null;
    attempt.joined = null;
    const didWarmStart = reason === null;
    verdicts.settle(dispatch.snapshot, reason ?? "taken", clock.lastMs);
    if (dispatcher !== null) {
      this.#notes.sought(attempt, reason, attempt, clock.lastMs);
      dispatcher.answer(didWarmStart);
    }
    if (joined === null) return;
    for (const each of joined) {
      if (each.isGone) continue;
      this.#notes.sought(attempt, reason, each, clock.lastMs);
      each.dispatcher.answer(didWarmStart);
    }
  }

  /** The claim of its offer, if one comes, finds nothing. */
  #cancel(attempt: Attempt): void {
    const { counters, verdicts } = this.#state;
    attempt.state = "done";
    this.#pending.end(attempt);
    counters.cancelled += 1;
    verdicts.forget(attempt.dispatch.snapshot);
  }
}
