/** A broker's core with a clock that stands still, and sockets and dispatchers that only note what is done to them. */

import { StillClock } from "../base/clock-for-tests.ts";
import { randomOf } from "../base/random-for-tests.ts";
import { TurnClock } from "../base/turn-clock.ts";
import { type Broker, createBroker } from "./broker.ts";
import type { Dispatch, DispatchRecord, Poll, PollPath, PollSocket, Waiter } from "./broker-api.ts";
import type { BrokerConfig } from "./broker-config.ts";
import type { Placement } from "./departures.ts";
import { Message } from "./message.ts";

export const configForTests: BrokerConfig = {
  host: "127.0.0.1",
  port: 0,
  dispatchPort: null,
  dispatchHost: "127.0.0.1",
  sharePort: false,
  dispatchToken: null,
  isOn: true,
  connectionTimeoutMs: 30_000,
  keepaliveMs: 300_000,
  claimTimeoutMs: 250,
  dispatchTimeoutMs: 1000,
  offersMax: 4,
  directWithinMs: 0,
  startHoldMs: 0,
  waitersMax: 1000,
  waitersPerKeyMax: 0,
  messageBytesMax: 1024 * 1024,
  verdictTtlMs: 60_000,
  verdictsMax: 1000,
  retainMs: 10_000,
  retainBytesMax: 1024 * 1024,
  tokenSecret: null,
  tokenEnforcement: "log",
  cordoned: [],
  cordonFile: null,
  cordonKubernetes: false,
  cordonAction: "skip",
  peers: [],
  peersDns: null,
  selfUrl: null,
  drainMs: 1000,
  logLevel: "info",
};

export const FIRST: PollPath = { lease: null, hops: 0, elapsedMs: 0 };

/** What the target of a redirect says. */
export function pathOf(location: string): PollPath {
  const query = new URL(location, "http://broker").searchParams;
  return {
    lease: query.get("lease"),
    hops: Number(query.get("h")),
    elapsedMs: Number(query.get("e")),
  };
}

/** One request of a runner, with what was done to it. */
export class FakePoll implements PollSocket {
  readonly poll: Poll;
  /** What was done: once at most. */
  done: "delivered" | "redirected" | "dismissed" | "closed" | null = null;
  message: Message | null = null;
  location = "";
  waiter: Waiter | null = null;
  /** Called in the middle of what is done. */
  meanwhile: (() => void) | null = null;

  constructor(poll: Poll) {
    this.poll = poll;
  }

  deliver(message: Message): void {
    this.message = message;
    this.#finish("delivered");
  }

  redirect(location: string): void {
    this.location = location;
    this.#finish("redirected");
  }

  dismiss(): void {
    this.#finish("dismissed");
  }

  close(): void {
    this.#finish("closed");
  }

  get text(): string {
    return String(this.message ?? "");
  }

  /** What the target of its redirect says. */
  get path(): PollPath {
    return pathOf(this.location);
  }

  #finish(what: NonNullable<FakePoll["done"]>): void {
    if (this.done !== null) throw new Error(`a poll was ${this.done}, and then ${what}`);
    this.done = what;
    this.meanwhile?.();
  }
}

export class FakeDispatcher {
  answers: boolean[] = [];
  isGone = false;
  handle: object | null = null;

  answer(didWarmStart: boolean): void {
    if (this.isGone) throw new Error("a dispatcher was answered that had gone");
    if (this.answers.length > 0) throw new Error("a dispatcher was answered twice");
    this.answers.push(didWarmStart);
  }

  /** Null: none yet. */
  get verdict(): boolean | null {
    return this.answers[0] ?? null;
  }
}

export class BrokerForTests {
  readonly clock = new StillClock();
  readonly turnClock = new TurnClock(this.clock);
  readonly cordoned = new Set<string>();
  readonly records: DispatchRecord[] = [];
  readonly broker: Broker;

  constructor(settings: Partial<BrokerConfig> = {}, placement: Placement | null = null) {
    this.broker = createBroker({
      config: { ...configForTests, ...settings },
      clock: this.turnClock,
      random: randomOf(1),
      cordon: this.cordoned,
      placement,
      onDispatch: (record) => this.records.push(record),
    });
  }

  /** Lets time pass, with a tick every 25 ms. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 25) {
      this.clock.timeMs += Math.min(25, left);
      this.broker.tick();
    }
  }

  poll(
    controller: string,
    path = FIRST,
    { key = "key", address = "10.0.0.1", instance = "node", sameSocket = false } = {},
  ): FakePoll {
    const poll = new FakePoll({ key, controller, instance, address });
    this.send(poll, path, sameSocket);
    return poll;
  }

  send(poll: FakePoll, path = FIRST, sameSocket = false): void {
    this.turnClock.nowMs();
    poll.waiter = this.broker.poll(poll.poll, path, poll, sameSocket);
  }

  /** Follows a redirect. */
  follow(poll: FakePoll): FakePoll {
    const next = new FakePoll(poll.poll);
    this.send(next, poll.path);
    return next;
  }

  dispatch(snapshot: string, key = "key"): FakeDispatcher {
    const dispatcher = new FakeDispatcher();
    this.turnClock.nowMs();
    dispatcher.handle = this.broker.dispatch(dispatchOf(snapshot, key), dispatcher);
    return dispatcher;
  }

  /** A poll that was just offered the message. */
  offer(controller: string, snapshot: string): FakePoll {
    const poll = this.poll(controller);
    this.dispatch(snapshot);
    return poll;
  }

  leave(dispatcher: FakeDispatcher): void {
    dispatcher.isGone = true;
    this.broker.dispatcherGone(dispatcher.handle!);
  }

  connect(address = "10.0.0.1") {
    this.turnClock.nowMs();
    return this.broker.connect(address);
  }
}

export function dispatchOf(snapshot: string, key = "key"): Dispatch {
  return {
    key,
    snapshot,
    run: `run_of_${snapshot}`,
    traceparent: "",
    message: Message.of(snapshot),
  };
}
