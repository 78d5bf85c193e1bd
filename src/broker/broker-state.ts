/** What the broker holds, and nothing of what it does: one object, so that its parts see the same. */
import type { TurnClock } from "../base/turn-clock.ts";
import type { BrokerConfig } from "./broker-config.ts";
import { BrokerCounters } from "./broker-facts.ts";
import { Doubts } from "./doubts.ts";
import { HeldAttempts } from "./held-attempts.ts";
import { Offers } from "./offers.ts";
import { Receipts } from "./receipts.ts";
import { Verdicts } from "./verdicts.ts";
import { Waiters } from "./waiters.ts";

export class BrokerState {
  readonly config: BrokerConfig;
  readonly clock: TurnClock;
  readonly counters = new BrokerCounters();
  readonly doubts = new Doubts();
  readonly held = new HeldAttempts();
  readonly offers: Offers;
  readonly receipts: Receipts;
  readonly verdicts: Verdicts;
  readonly waiters: Waiters;
  /** Until then a dispatch waits for runners that may be about to come back. Clock time. */
  readonly holdUntilMs: number;
  isOn: boolean;
  isDraining = false;

  constructor(config: BrokerConfig, clock: TurnClock, epoch: string) {
    this.config = config;
    this.clock = clock;
    const nowMs = clock.nowMs();
    // With several brokers a runner's `/connect` may go to another one than its polls.
    const isAlone = config.peers.length <= 1 && config.peersDns === null;
    this.offers = new Offers(epoch);
    this.receipts = new Receipts(
      config.retainMs,
      config.retainBytesMax,
      config.connectionTimeoutMs,
      isAlone,
    );
    this.verdicts = new Verdicts(config.verdictTtlMs, config.verdictsMax, nowMs);
    this.waiters = new Waiters(config.connectionTimeoutMs, nowMs);
    this.holdUntilMs = nowMs + config.startHoldMs;
    this.isOn = config.isOn;
  }
}
