/**
 * What the broker does for one snapshot, from its dispatch to the verdict; or for one message that was lost, from that to
 * its next delivery.
 *
 *   seeking ──waiter──▶ offered ──claim──▶ delivering ──▶ done (true)
 *     │  ▲                 │                   │
 *     │  ├──────lapse──────┘                   │ the connection broke
 *     │  └─────────────────────────────────────┘
 *     ├─no waiter yet──▶ held ──waiter──▶ offered
 *     └─no waiter, time over, offers over──▶ done (false)
 *
 * Whoever asked may go at any time before: then it is done without a verdict.
 */
import type { Dispatch, Dispatcher, Poll } from "./broker-api.ts";
import type { Linked } from "./chain.ts";

export type AttemptState = "seeking" | "offered" | "held" | "delivering" | "done";

export class Attempt implements Linked<Attempt> {
  readonly dispatch: Dispatch;
  /** 0, or which redelivery of the message it is. */
  readonly redelivery: number;
  readonly startedMs: number;
  state: AttemptState = "seeking";
  /** Null: it has gone, or it is a redelivery. */
  dispatcher: Dispatcher | null;
  /** Further dispatches of the same snapshot. */
  joined: Joined[] | null = null;
  /** No offer begins after it, and none lasts longer. Set by the first offer, for a redelivery from its beginning. Clock time. */
  untilMs = Number.POSITIVE_INFINITY;
  /** Waiters that were taken for it: offers, and deliveries without one. */
  tries = 0;
  offers = 0;
  lapses = 0;

  /** Of the open offer, and kept for the delivery; empty: without an offer. */
  lease = "";
  /** Who got the offer or the message last. */
  poll: Poll | null = null;
  offeredMs = 0;
  /** When the client of that poll began to wait. Clock time. */
  beganMs = 0;
  /** When an offer lapses or a hold ends. Clock time. */
  dueMs = 0;
  /** While its message was being delivered the connection broke. */
  isLost = false;
  prev: Attempt | null = null;
  next: Attempt | null = null;

  constructor(
    dispatch: Dispatch,
    dispatcher: Dispatcher | null,
    startedMs: number,
    redelivery: number,
  ) {
    this.dispatch = dispatch;
    this.dispatcher = dispatcher;
    this.startedMs = startedMs;
    this.redelivery = redelivery;
  }

  /** Somebody wants to know, or it is wanted for its own sake. */
  get isWanted(): boolean {
    return this.dispatcher !== null || this.joined !== null || this.redelivery > 0;
  }
}

/** A further dispatch of a snapshot that has no verdict yet. */
export class Joined {
  readonly attempt: Attempt;
  readonly dispatch: Dispatch;
  readonly dispatcher: Dispatcher;
  readonly startedMs: number;
  isGone = false;

  constructor(attempt: Attempt, dispatch: Dispatch, dispatcher: Dispatcher, startedMs: number) {
    this.attempt = attempt;
    this.dispatch = dispatch;
    this.dispatcher = dispatcher;
    this.startedMs = startedMs;
  }
}
