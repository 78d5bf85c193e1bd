/**
 * Whether what was delivered has arrived, as far as a runner's later requests tell. A controller that has read a message
 * works, asks for `/connect` and then polls again. If it polls without that its client never saw the message: it gave up, or
 * was frozen past its own time-out, while the bytes lay in a buffer.
 *
 * A poll on the delivery's own connection looks as if the answer had been read, and mostly it was: load generators ask
 * again like that, without `/connect`. But Bun reads answers in another thread than the one that gives up: frozen past its
 * time-out it keeps the connection, throws the answer away, and asks again on it.
 *
 * `/connect` has no name in it, only an address. Where runners come by several, as through a row of proxies, it tells nothing:
 * every run would look lost, and be delivered again.
 */
import type { Dispatch, Poll, PollPath, PollSocket } from "./broker-api.ts";
import { Connects } from "./connects.ts";
import { addressesVaryMs, giveUpSkewMs } from "./limits.ts";
import { Delivery, RetainedMessages } from "./retained-messages.ts";

/** What a poll says of the delivery before it. */
export type Receipt = "none" | "confirmed" | "lost";

export class Receipts {
  readonly retained: RetainedMessages;
  readonly #connects: Connects;
  readonly #connectionTimeoutMs: number;
  /** Requests for `/connect` come here, all of them. */
  readonly #seesConnects: boolean;
  /** Until then a runner's address is not taken for its own. Clock time. */
  #varyUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    retainMs: number,
    retainBytesMax: number,
    connectionTimeoutMs: number,
    seesConnects: boolean,
  ) {
    this.#connectionTimeoutMs = connectionTimeoutMs;
    this.retained = new RetainedMessages(retainMs, retainBytesMax);
    this.#connects = new Connects(retainMs);
    this.#seesConnects = seesConnects && retainMs > 0;
  }

  connected(address: string, nowMs: number): void {
    if (this.#seesConnects) this.#connects.add(address, nowMs);
  }

  /** Before the message is handed over. */
  delivered(
    dispatch: Dispatch,
    poll: Poll,
    socket: PollSocket,
    lease: string,
    redelivery: number,
    nowMs: number,
    /** When its client began to wait. */
    beganMs: number,
  ): void {
    const order = this.#connects.next();
    this.retained.add(
      new Delivery(dispatch, poll, socket, lease, redelivery, nowMs, beganMs, order),
    );
  }

  /** @param delivery what the runner of this poll was given last */
  judge(
    delivery: Delivery,
    poll: Poll,
    path: PollPath,
    sameSocket: boolean,
    nowMs: number,
  ): Receipt {
    const givesUpMs = delivery.beganMs + this.#connectionTimeoutMs - giveUpSkewMs;
    if (sameSocket && nowMs < givesUpMs) return "confirmed";
    // A client that sends the same request again by itself: its connection broke. True of any number of brokers.
    if (path.lease !== null) return path.lease === delivery.lease ? "lost" : "none";
    this.compare(delivery.poll, poll, nowMs);
    if (!this.#seesConnects || nowMs < this.#varyUntilMs) return "none";
    return this.#connects.hasSince(poll.address, delivery.order) ? "confirmed" : "lost";
  }

  /** Two polls of one runner. */
  compare(earlier: Poll, later: Poll, nowMs: number): void {
    if (earlier.address !== later.address) this.#varyUntilMs = nowMs + addressesVaryMs;
  }

  sweep(nowMs: number): void {
    this.retained.sweep(nowMs);
    this.#connects.sweep(nowMs);
  }

  /** Addresses that are remembered. */
  get addresses(): number {
    return this.#connects.count;
  }
}
