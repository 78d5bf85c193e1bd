/**
 * Delivered messages, for as long as it may turn out that they did not arrive. One per runner: a runner that is given the
 * next message has had the one before.
 *
 *   (delivered) ──▶ retained ──a poll on the same connection in time, a /connect──▶ confirmed
 *                       ├──any other poll, a claim made twice, a broken connection──▶ lost (NACK)
 *                       └──age, bytes──▶ forgotten
 */
import type { Dispatch, Poll, PollSocket } from "./broker-api.ts";
import { Chain, type Linked } from "./chain.ts";
import { NameTable } from "./name-table.ts";

export class Delivery implements Linked<Delivery> {
  readonly dispatch: Dispatch;
  readonly poll: Poll;
  /** That it went through. */
  readonly socket: PollSocket;
  /** That it was claimed with; empty: without an offer. */
  readonly lease: string;
  /** 0, or which redelivery it was. */
  readonly redelivery: number;
  readonly deliveredMs: number;
  /** When the client began to wait that was to read it. Clock time. */
  readonly beganMs: number;
  /** Of `Connects.next`: what came before it, and what after. */
  readonly order: number;
  prev: Delivery | null = null;
  next: Delivery | null = null;

  constructor(
    dispatch: Dispatch,
    poll: Poll,
    socket: PollSocket,
    lease: string,
    redelivery: number,
    deliveredMs: number,
    beganMs: number,
    order: number,
  ) {
    this.dispatch = dispatch;
    this.poll = poll;
    this.socket = socket;
    this.lease = lease;
    this.redelivery = redelivery;
    this.deliveredMs = deliveredMs;
    this.beganMs = beganMs;
    this.order = order;
  }
}

export class RetainedMessages {
  readonly #byController = new NameTable<Delivery>();
  /** Oldest first. */
  readonly #all = new Chain<Delivery>();
  readonly #retainMs: number;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(retainMs: number, bytesMax: number) {
    this.#retainMs = retainMs;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#all.count;
  }

  /** Of all messages that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps it, unless it is too large or its runner says no name; the oldest go for it. */
  add(delivery: Delivery): void {
    const { controller } = delivery.poll;
    const { byteLength } = delivery.dispatch.message;
    if (controller === "" || this.#retainMs === 0 || byteLength > this.#bytesMax) return;
    const earlier = this.#byController.get(controller);
    if (earlier !== null) this.#unlink(earlier);
    this.#byController.set(controller, delivery);
    this.#all.addLast(delivery);
    this.#bytes += byteLength;
    while (this.#bytes > this.#bytesMax) this.remove(this.#all.first!);
  }

  get(controller: string): Delivery | null {
    return this.#byController.get(controller);
  }

  /** It is kept. */
  remove(delivery: Delivery): void {
    this.#byController.delete(delivery.poll.controller);
    this.#unlink(delivery);
  }

  /** Until when it is kept. Clock time. */
  untilMs(delivery: Delivery): number {
    return delivery.deliveredMs + this.#retainMs;
  }

  sweep(nowMs: number): void {
    for (let delivery = this.#all.first; delivery !== null; delivery = this.#all.first) {
      if (nowMs < this.untilMs(delivery)) return;
      this.remove(delivery);
    }
  }

  #unlink(delivery: Delivery): void {
    this.#all.remove(delivery);
    this.#bytes -= delivery.dispatch.message.byteLength;
  }
}
