/**
 * A plain model of what a broker may do, beside a real one: runners, their connections and supervisors, who do all that
 * real ones do. Each call on a socket or a dispatcher is compared with what the model knows. It throws where a rule is broken.
 */
import { StillClock } from "../base/clock-for-tests.ts";
import type { Random } from "../base/random-for-tests.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { type Broker, createBroker } from "./broker.ts";
import {
  ModelDispatcher,
  ModelPlacement,
  ModelPoll,
  type ModelRunner,
  type OpenOffer,
  rule,
} from "./broker-actors-for-tests.ts";
import type { PollPath } from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { dispatchOf } from "./broker-for-tests.ts";
import { ModelWaiters } from "./broker-waiters-for-tests.ts";
import { doubtMs, giveUpSkewMs, hopsMax, lateTickMs, overdueMs } from "./limits.ts";

export class BrokerModel {
  readonly clock = new StillClock();
  readonly turnClock = new TurnClock(this.clock);
  readonly broker: Broker;
  readonly config: BrokerConfig;
  readonly cordoned = new Set<string>();
  readonly placement = new ModelPlacement();
  readonly runners: ModelRunner[] = [];
  readonly parked: ModelWaiters;
  readonly dispatchers = new Set<ModelDispatcher>();
  readonly verdicts = new Map<string, { didWarmStart: boolean; atMs: number }>();
  readonly snapshots: string[] = [];
  readonly #random: Random;
  /** By lease, of all offers that were ever made. */
  readonly offeredMs = new Map<string, number>();
  readonly #offers = new Map<string, OpenOffer>();
  readonly #deliveries = new Map<string, number>();
  /** How often each snapshot may have been delivered: once per dispatch that is not a repetition, and per sign of a loss. */
  readonly #deliveriesMax = new Map<string, number>();
  /** What the current call from outside is about. */
  #dispatching: string | null = null;
  #justDelivered: string | null = null;
  #mayDismiss = false;
  isDismissing = false;
  #number = 0;
  /** Without ticks, in all. */
  #stoodMs = 0;
  #tickMs = 0;
  #isSpared = false;

  constructor(config: BrokerConfig, random: Random) {
    this.config = config;
    this.parked = new ModelWaiters(config, this.clock, this.cordoned);
    this.#random = random;
    this.broker = createBroker({
      config,
      clock: this.turnClock,
      random,
      cordon: this.cordoned,
      placement: this.placement,
      onDispatch: null,
    });
  }

  // --- what the world does ---

  addRunner(controller: string, key: string, instance: string, address: string): void {
    this.runners.push({
      poll: { controller, key, instance, address },
      connection: { deliveredTo: null },
      redirects: [],
      delivery: null,
      doubt: null,
    });
  }

  connect(runner: ModelRunner): void {
    this.#enter();
    this.broker.connect(runner.poll.address);
    for (const { poll, delivery } of this.runners) {
      if (poll.address === runner.poll.address && delivery !== null) delivery.connectedSince = true;
    }
  }

  poll(runner: ModelRunner, path: PollPath): ModelPoll {
    this.#enter();
    this.#number += 1;
    const sameSocket = runner.connection.deliveredTo === runner.poll.controller;
    const poll = new ModelPoll(this, runner, path, this.#number);
    const claimed = path.lease === null ? undefined : this.#offers.get(path.lease);
    const isOwn = claimed?.poll.runner === runner;
    const isAwaited = isOwn && this.clock.timeMs < this.#givesUpMs(claimed!.poll);
    poll.isClaim = isAwaited && !this.cordoned.has(runner.poll.instance);
    if (poll.isClaim) {
      if (claimed!.maybe) poll.rank = "unknown";
    } else {
      if (isOwn) this.#lapsed(claimed!);
      this.#judge(runner, path, sameSocket);
      if (path.lease !== null) poll.rank = "doubtful";
      else if (runner.doubt !== null) poll.rank = runner.doubt.maybe ? "unknown" : "doubtful";
    }
    poll.waiter = this.broker.poll(runner.poll, path, poll, sameSocket);
    if (poll.waiter !== null) {
      rule(poll.state === "arriving" || poll.state === "parked", "a waiter has an open poll");
    } else rule(poll.state !== "arriving" && poll.state !== "parked", "null: it was answered");
    if (poll.isClaim && poll.state !== "delivered") {
      rule(claimed!.maybe, "who claims in time gets the message");
      this.#offers.delete(path.lease!);
    }
    if (poll.state === "arriving") this.parked.park(poll);
    return poll;
  }

  leavePoll(poll: ModelPoll): void {
    this.#enter();
    this.parked.delete(poll);
    poll.state = "gone";
    poll.runner.connection = { deliveredTo: null };
    this.broker.gone(poll.waiter!);
    if (this.#random(4) === 0) this.broker.gone(poll.waiter!);
  }

  /** The answer of this poll did not leave whole. */
  lose(poll: ModelPoll): void {
    this.#enter();
    this.#lose(poll);
  }

  dispatch(snapshot: string, key: string): void {
    this.#enter();
    const dispatcher = new ModelDispatcher(this, snapshot);
    const known = this.verdicts.get(snapshot);
    const isPending = [...this.dispatchers].some((other) => other.snapshot === snapshot);
    const best = this.parked.best(key);
    if (known === undefined && !isPending) this.#allow(snapshot);
    this.dispatchers.add(dispatcher);
    this.#dispatching = snapshot;
    dispatcher.handle = this.broker.dispatch(dispatchOf(snapshot, key), dispatcher);
    this.#dispatching = null;
    if (known !== undefined || isPending) return;
    const { isOn } = this.broker.facts();
    if (best.length > 0 && isOn && !this.placement.isDraining) {
      rule(best[0]!.state !== "parked" || best.length > 1, "a message finds its waiter");
    }
  }

  leaveDispatcher(dispatcher: ModelDispatcher): void {
    this.#enter();
    dispatcher.state = "gone";
    this.dispatchers.delete(dispatcher);
    const others = [...this.dispatchers].some(({ snapshot }) => snapshot === dispatcher.snapshot);
    const before = this.broker.facts().offered;
    this.broker.dispatcherGone(dispatcher.handle!);
    const { offered } = this.broker.facts();
    if (others) {
      rule(offered === before, "a dispatch that somebody waits for goes on");
      return;
    }
    if (offered === before) return;
    for (const offer of this.#offers.values()) {
      if (offer.snapshot === dispatcher.snapshot) this.#offers.delete(offer.lease);
      // From outside it cannot be told which of these was taken back.
      else if (offer.snapshot === null) offer.maybe = true;
    }
  }

  /** Lets time pass; `ticks` false: the process stands still, and its next tick is late. */
  pass(ms: number, ticks: boolean): void {
    if (!ticks) {
      this.clock.timeMs += ms;
      this.#stoodMs += ms;
      return;
    }
    for (let left = ms; left > 0; left -= 25) {
      this.clock.timeMs += 25;
      this.#tick(this.clock.timeMs);
      // What happens in the far future is the same at each of its ticks.
      if (left > 2000 && this.#offers.size === 0 && this.dispatchers.size === 0) {
        const skipMs = Math.min(200, left - 25);
        this.clock.timeMs += skipMs;
        left -= skipMs;
      }
    }
  }

  cordon(instance: string): void {
    this.#enter();
    const was = this.cordoned.delete(instance);
    if (!was) this.cordoned.add(instance);
    for (const poll of this.parked) {
      if (poll.runner.poll.instance === instance && was) poll.rank = "doubtful";
    }
    this.#mayDismiss = this.config.cordonAction === "dismiss";
    this.broker.cordonChanged();
    this.#mayDismiss = false;
  }

  /** The key has another owner now, or comes back. */
  move(key: string): void {
    this.#enter();
    if (!this.placement.moved.delete(key)) this.placement.moved.add(key);
    this.broker.placementChanged();
  }

  switch(isOn: boolean, now: boolean): void {
    this.#enter();
    this.isDismissing = !isOn && now;
    this.broker.switch(isOn, now);
    rule(!this.isDismissing || this.parked.size === 0, "nobody is parked");
  }

  /** Promises nothing any more to those that have an offer. */
  drain(stops: boolean): Promise<void> {
    this.#enter();
    this.placement.isDraining = true;
    for (const offer of this.#offers.values()) offer.maybe = true;
    const drained = this.broker.drain();
    if (stops) this.broker.stop();
    return drained;
  }

  #givesUpMs({ beganMs }: ModelPoll): number {
    return beganMs + this.config.connectionTimeoutMs - giveUpSkewMs;
  }

  // --- what the broker does ---

  offered(poll: ModelPoll, wasParked: boolean): void {
    const { key } = poll.runner.poll;
    rule(!this.cordoned.has(poll.runner.poll.instance), "nothing is offered on a cordoned machine");
    rule(this.parked.isUsable(poll), "nothing is offered to a client that is about to give up");
    const best = this.parked.best(key);
    if (wasParked) rule(best.includes(poll), "the freshest waiter comes first");
    else rule(best.length === 0, "who waits comes before who arrives");
    const lease = poll.target.lease!;
    rule(!this.offeredMs.has(lease), "each offer has a lease of its own");
    this.offeredMs.set(lease, this.clock.timeMs);
    if (this.#dispatching !== null) {
      for (const offer of this.#offers.values()) {
        rule(offer.snapshot !== this.#dispatching, "one offer for one dispatch");
      }
    }
    const dueMs = this.clock.timeMs + this.config.claimTimeoutMs;
    const snapshot = this.#dispatching;
    this.#offers.set(lease, { lease, poll, snapshot, dueMs, maybe: this.placement.isDraining });
  }

  delivered(poll: ModelPoll, snapshot: string): void {
    const { runner, path } = poll;
    const offer = poll.isClaim ? this.#offers.get(path.lease!) : undefined;
    if (offer === undefined) {
      const { directWithinMs } = this.config;
      rule(directWithinMs > 0, "without a claim nothing is delivered");
      rule(this.clock.timeMs - poll.atMs < directWithinMs, "directly only to who has just polled");
    } else {
      rule(offer.snapshot === null || offer.snapshot === snapshot, "the message of the offer");
      this.#offers.delete(offer.lease);
      runner.doubt = null;
    }
    const deliveries = (this.#deliveries.get(snapshot) ?? 0) + 1;
    this.#deliveries.set(snapshot, deliveries);
    const deliveriesMax = this.#deliveriesMax.get(snapshot) ?? 0;
    rule(deliveries <= deliveriesMax, `${snapshot} is delivered again only when it is lost`);
    const givesUpMs = this.#givesUpMs(offer?.poll ?? poll);
    runner.delivery = { snapshot, lease: offer?.lease ?? "", givesUpMs, connectedSince: false };
    this.#justDelivered = snapshot;
    if (this.maybeLost(poll)) this.#justDelivered = null;
    else rule(this.#justDelivered === snapshot, "one delivery at a time");
  }

  answered(dispatcher: ModelDispatcher, didWarmStart: boolean): void {
    const { snapshot } = dispatcher;
    this.dispatchers.delete(dispatcher);
    const before = this.verdicts.get(snapshot);
    if (before !== undefined) {
      rule(before.didWarmStart === didWarmStart, "a verdict stays what it is");
      return;
    }
    if (didWarmStart) rule(this.#justDelivered === snapshot, "true is said after the claim only");
    // Answered at once while it is off, nobody looked for a runner: then it is forgotten.
    const isRefused = this.#dispatching === snapshot && !this.broker.facts().isOn;
    if (!isRefused) this.verdicts.set(snapshot, { didWarmStart, atMs: this.clock.timeMs });
  }

  dismissed(poll: ModelPoll, wasParked: boolean): void {
    if (this.isDismissing || this.#mayDismiss) return;
    const asked = "a runner is dismissed only when that is asked";
    const { cordonAction, waitersPerKeyMax } = this.config;
    const { instance, key } = poll.runner.poll;
    if (!wasParked && this.cordoned.has(instance)) return rule(cordonAction === "dismiss", asked);
    const others = [...this.parked].filter(
      ({ runner }) => runner.poll.key === key && !this.cordoned.has(runner.poll.instance),
    );
    rule(waitersPerKeyMax > 0 && others.length >= waitersPerKeyMax - 1, asked);
  }

  closed(poll: ModelPoll, wasParked: boolean): void {
    if (this.placement.isDraining) return;
    const waitedMs = this.clock.timeMs - poll.beganMs;
    rule(
      wasParked
        ? waitedMs >= this.config.connectionTimeoutMs + overdueMs
        : poll.path.hops >= hopsMax || this.parked.size >= this.config.waitersMax,
      "a poll is closed only when it is over",
    );
  }

  /** Some answers break as they are written. @returns whether this one did */
  maybeLost(poll: ModelPoll): boolean {
    if (this.#random(20) > 0) return false;
    this.#lose(poll, poll.state === "delivered");
    return true;
  }

  /** What has to hold between two calls. */
  check(): void {
    const facts = this.broker.facts();
    const { config } = this;
    const said = `${this.parked.size} are parked, the broker says ${facts.parked}`;
    rule(facts.parked === this.parked.size, said);
    rule(facts.parked <= config.waitersMax, "waiters are bounded");
    rule(facts.verdicts <= config.verdictsMax, "verdicts are bounded");
    rule(facts.retainedBytes <= config.retainBytesMax, "what is kept is bounded");
    rule(facts.pending === facts.offered + facts.held, "pending ones are offered or held");
    const keys = new Set([...this.parked].map(({ runner }) => runner.poll.key));
    rule(facts.keys === keys.size, "keys are freed with their last waiter");
    if (config.waitersPerKeyMax > 0) {
      for (const key of keys) {
        const listed = [...this.parked].filter((poll) => this.parked.isListed(poll, key));
        rule(listed.length <= config.waitersPerKeyMax, "waiters of a key are bounded");
      }
    }
    const lateMs = config.dispatchTimeoutMs + config.startHoldMs + 100 + this.#stoodMs;
    for (const { atMs, snapshot } of this.dispatchers) {
      rule(this.clock.timeMs - atMs <= lateMs, `${snapshot} is answered in time`);
    }
  }

  // --- private ---

  #enter(): void {
    this.turnClock.nowMs();
    this.#justDelivered = null;
    for (const [snapshot, { atMs }] of this.verdicts) {
      if (this.clock.timeMs - atMs >= this.config.verdictTtlMs) this.verdicts.delete(snapshot);
    }
  }

  #tick(nowMs: number): void {
    this.#enter();
    this.broker.tick();
    // After a stand the first tick ends nothing: claims may lie unread.
    this.#isSpared = nowMs - this.#tickMs > lateTickMs && !this.#isSpared;
    this.#tickMs = nowMs;
    if (this.#isSpared) return;
    for (const offer of [...this.#offers.values()]) {
      if (offer.dueMs <= nowMs) this.#lapsed(offer);
    }
    for (const runner of this.runners) {
      if (runner.doubt !== null && nowMs - runner.doubt.sinceMs >= doubtMs) runner.doubt = null;
    }
  }

  #lapsed(offer: OpenOffer): void {
    this.#offers.delete(offer.lease);
    offer.poll.runner.doubt = { sinceMs: this.clock.timeMs, maybe: offer.maybe };
  }

  #lose(poll: ModelPoll, isDelivering = false): void {
    const { runner } = poll;
    runner.connection = { deliveredTo: null };
    const offer = [...this.#offers.values()].findLast((open) => open.poll.runner === runner);
    const isMaybe = offer === undefined || isDelivering || offer.maybe;
    if (runner.delivery !== null && isMaybe) this.#isLost(runner);
    if (offer !== undefined && !isDelivering) this.#lapsed(offer);
    this.broker.lost(runner.poll, poll);
  }

  #judge(runner: ModelRunner, path: PollPath, sameSocket: boolean): void {
    const { delivery } = runner;
    if (delivery === null) return;
    const isInTime = this.clock.timeMs < delivery.givesUpMs;
    if (sameSocket && isInTime) runner.delivery = null;
    else if (path.lease !== null) {
      if (path.lease === delivery.lease) this.#isLost(runner);
    } else if (delivery.connectedSince) runner.delivery = null;
    else this.#isLost(runner);
  }

  #isLost(runner: ModelRunner): void {
    this.#allow(runner.delivery!.snapshot);
    runner.delivery = null;
  }

  #allow(snapshot: string): void {
    this.#deliveriesMax.set(snapshot, (this.#deliveriesMax.get(snapshot) ?? 0) + 1);
  }
}
