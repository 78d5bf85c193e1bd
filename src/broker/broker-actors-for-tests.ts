/** Those who deal with the broker in `broker-model-for-tests.ts`: what is done to them is told to the model. */

import type { Dispatcher, Poll, PollPath, PollSocket, Waiter } from "./broker-api.ts";
import { FIRST, pathOf } from "./broker-for-tests.ts";
import type { BrokerModel } from "./broker-model-for-tests.ts";
import type { Placement } from "./departures.ts";
import { hopsMax } from "./limits.ts";
import type { Message } from "./message.ts";

/** @throws when it does not hold */
export function rule(holds: boolean, broken: string): void {
  if (!holds) throw new Error(`a rule is broken: ${broken}`);
}

/** What its connection answered last was a delivery to this runner. */
interface Connection {
  deliveredTo: string | null;
}

export interface ModelRunner {
  readonly poll: Poll;
  connection: Connection;
  /** Redirects that it may follow, and those that it has followed. */
  readonly redirects: ModelPoll[];
  /** What it was given last, until that is confirmed, lost or old. */
  delivery: { snapshot: string; lease: string; givesUpMs: number; connectedSince: boolean } | null;
  /** Since when it is in doubt; `maybe` when nobody can tell from outside. */
  doubt: { sinceMs: number; maybe: boolean } | null;
}

export class ModelPoll implements PollSocket {
  readonly runner: ModelRunner;
  readonly path: PollPath;
  readonly connection: Connection;
  readonly atMs: number;
  readonly beganMs: number;
  readonly number: number;
  readonly #model: BrokerModel;
  state: "arriving" | "parked" | "gone" | "delivered" | "redirected" | "dismissed" | "closed" =
    "arriving";
  rank: "fresh" | "doubtful" | "unknown" = "fresh";
  waiter: Waiter | null = null;
  target: PollPath = FIRST;
  isClaim = false;

  constructor(model: BrokerModel, runner: ModelRunner, path: PollPath, number: number) {
    this.#model = model;
    this.runner = runner;
    this.path = path;
    this.connection = runner.connection;
    this.atMs = model.clock.timeMs;
    // Nobody knows how old another process's offer is.
    const sinceOfferMs =
      path.lease === null ? 0 : this.atMs - (model.offeredMs.get(path.lease) ?? -Infinity);
    const { connectionTimeoutMs } = model.config;
    this.beganMs = this.atMs - Math.min(path.elapsedMs + sinceOfferMs, connectionTimeoutMs);
    this.number = number;
  }

  deliver(message: Message): void {
    this.#end("delivered");
    this.connection.deliveredTo = this.runner.poll.controller;
    this.#model.delivered(this, String(message));
  }

  redirect(location: string): void {
    const wasParked = this.state === "parked";
    this.target = pathOf(location);
    rule(this.target.hops === this.path.hops + 1, "a redirect counts");
    rule(this.target.hops <= hopsMax, "nobody is redirected too often");
    if (this.target.lease !== null) this.#model.offered(this, wasParked);
    else rule(this.#model.placement.mayLeave(this), "who is sent elsewhere has something there");
    this.#end("redirected");
    this.connection.deliveredTo = null;
    this.runner.redirects.push(this);
    this.#model.maybeLost(this);
  }

  dismiss(): void {
    const wasParked = this.state === "parked";
    this.#end("dismissed");
    this.#model.dismissed(this, wasParked);
  }

  close(): void {
    const wasParked = this.state === "parked";
    this.#end("closed");
    this.runner.connection = { deliveredTo: null };
    this.#model.closed(this, wasParked);
  }

  #end(state: "delivered" | "redirected" | "dismissed" | "closed"): void {
    rule(
      this.state === "arriving" || this.state === "parked",
      `a poll was ${this.state}, ${state}`,
    );
    this.#model.parked.delete(this);
    this.state = state;
  }
}

export class ModelDispatcher implements Dispatcher {
  readonly #model: BrokerModel;
  readonly snapshot: string;
  readonly atMs: number;
  handle: object | null = null;
  state: "waiting" | "gone" | "answered" = "waiting";

  constructor(model: BrokerModel, snapshot: string) {
    this.#model = model;
    this.snapshot = snapshot;
    this.atMs = model.clock.timeMs;
  }

  answer(didWarmStart: boolean): void {
    rule(this.state === "waiting", `a dispatcher was ${this.state}, then answered`);
    this.state = "answered";
    this.#model.answered(this, didWarmStart);
  }
}

/** An offer that nobody has claimed, and that has not lapsed. */
export interface OpenOffer {
  lease: string;
  poll: ModelPoll;
  /** Null: nobody can tell from outside. */
  snapshot: string | null;
  dueMs: number;
  /** It may have been taken back, with its dispatcher. */
  maybe: boolean;
}

/** One other broker, and the keys that are its own. */
export class ModelPlacement implements Placement {
  readonly epoch = "epoch";
  readonly moved = new Set<string>();
  isDraining = false;

  ownerOf(key: string): string | null {
    return this.moved.has(key) ? "http://other" : null;
  }

  /** Of one key only. */
  heirOf(key: string): string | null {
    return key === "a" ? "http://other" : null;
  }

  mayLeave({ runner }: ModelPoll): boolean {
    const { key } = runner.poll;
    return this.ownerOf(key) !== null || (this.isDraining && this.heirOf(key) !== null);
  }
}
