/**
 * Whether what was delivered has arrived, as far as a runner's later requests tell. A controller that has read a message
 * works, asks for `/connect` and then polls again. If it polls without that, on another connection than the delivery's, its
 * client never saw the message: it gave up, or was frozen past its own time-out, while the bytes lay in a buffer.
 */
import type { Dispatch, Poll, PollPath } from "./broker-api.ts";
import { Connects } from "./connects.ts";
import { Delivery, RetainedMessages } from "./retained-messages.ts";

/** What a poll says of the delivery before it. */
export type Receipt = "none" | "confirmed" | "lost";

export class Receipts {
  readonly retained: RetainedMessages;
  readonly #connects: Connects;
  /** Requests for `/connect` come here, all of them. */
  readonly #seesConnects: boolean;

  constructor(retainMs: number, retainBytesMax: number, seesConnects: boolean) {
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
    lease: string,
    redelivery: number,
    nowMs: number,
  ): void {
    this.retained.add(
      new Delivery(dispatch, poll, lease, redelivery, nowMs, this.#connects.next()),
    );
  }

  /** @param delivery what the runner of this poll was given last */
  judge(delivery: Delivery, poll: Poll, path: PollPath, sameSocket: boolean): Receipt {
    if (sameSocket) return "confirmed";
    // A client that sends the same request again by itself: its connection broke. True of any number of brokers.
    if (path.lease !== null) return path.lease === delivery.lease ? "lost" : "none";
    if (!this.#seesConnects) return "none";
    return this.#connects.hasSince(poll.address, delivery.order) ? "confirmed" : "lost";
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
