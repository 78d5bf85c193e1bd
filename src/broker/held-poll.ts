/**
 * The polls of one connection, one at a time: what the core answers them with, and whether that has left whole.
 *
 *   idle ──start()──▶ held ──deliver, redirect, dismiss, close──▶ idle
 *                      └──connection closed──▶ the core is told
 */
import { PlatformError } from "../base/errors.ts";
import type { ParsedHead } from "../http/parsed-head.ts";
import type { Poll, PollSocket, Waiter } from "./broker-api.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import { copiedMessageBytesMax, resetAfterDeliveryMs } from "./limits.ts";
import type { Message } from "./message.ts";
import {
  endOfKnownQuery,
  isKnownPoll,
  type KnownHead,
  queryStart,
  readPollHead,
} from "./poll-head.ts";
import {
  noRedirect,
  pollLocation,
  type RedirectQuery,
  readRedirectQuery,
} from "./redirect-query.ts";

export class HeldPoll implements PollSocket {
  readonly #connection: BrokerConnection;
  /** Of the latest poll; null when it cannot be known by its bytes. */
  #known: KnownHead | null = null;
  /** The latest poll, held or answered. */
  #poll: Poll | null = null;
  #isHeld = false;
  #waiter: Waiter | null = null;
  /** What the latest poll was answered; null for anything that cannot be lost. */
  #answer: "delivery" | "redirect" | null = null;
  #answeredMs = 0;
  /** The client has asked for something since: it has read the answer. */
  #isRead = false;

  constructor(connection: BrokerConnection) {
    this.#connection = connection;
  }

  /** Starts the poll that the chunk is, if it is the last one's head again. Returns whether it was. */
  takeIfKnown(chunk: Buffer): boolean {
    const query = this.#queryIfKnown(chunk);
    if (query === null) return false;
    this.#connection.context.counts.requests += 1;
    this.start(query);
    return true;
  }

  #queryIfKnown(chunk: Buffer): RedirectQuery | null {
    const known = this.#known;
    if (known === null) return null;
    const isForEver = known.untilMs === Number.POSITIVE_INFINITY;
    if (!isForEver && known.untilMs <= this.#connection.context.clock.wallMs()) return null;
    if (isKnownPoll(known, chunk)) return noRedirect;
    const end = endOfKnownQuery(known, chunk);
    return end === -1 ? null : readRedirectQuery(chunk.latin1Slice(queryStart, end));
  }

  /** Reads a head that is not known. @param parsed what the parser says of it */
  read(head: Buffer, parsed: ParsedHead): PlatformError | null {
    const { context, address } = this.#connection;
    context.counts.headsRead += 1;
    const known = readPollHead(head, head.indexOf("\r\n") + 2, address, context.tokens);
    this.#known = null;
    if (known === null) return new PlatformError("BROKER_DEPLOYMENT_REFUSED", []);
    if (known instanceof PlatformError) return known;
    if (known.poll.controller !== this.#poll?.controller) this.#answer = null;
    this.#poll = known.poll;
    // The same bytes must mean the same: as long as the connection stays open.
    if (parsed.keepAlive && !parsed.isHttp10 && !parsed.hostIsFromTarget) this.#known = known;
    return null;
  }

  /** Hands the poll that was read last to the core, or to the broker that its key belongs to. */
  start(query: RedirectQuery): void {
    const { context } = this.#connection;
    const poll = this.#poll!;
    const sameSocket = this.#answer === "delivery";
    this.#answer = null;
    this.#isRead = false;
    this.#connection.hold();
    this.#isHeld = true;
    context.counts.polls += 1;
    if (!context.membership.isAlone && this.#isForOwner(query) && this.#hasMoved(poll, query))
      return;
    const waiter = context.core.poll(poll, query, this, sameSocket);
    if (this.#isHeld) this.#waiter = waiter;
  }

  /** Another request came behind the answer. */
  confirm(): void {
    this.#isRead = true;
  }

  onClose(isReset: boolean): void {
    const { context } = this.#connection;
    const poll = this.#poll;
    const waiter = this.#waiter;
    const isLost = this.#answer !== null && !this.#isRead && this.#wasCutOff(isReset);
    if (this.#isHeld) context.counts.polls -= 1;
    this.#isHeld = false;
    this.#waiter = null;
    if (waiter !== null) context.core.gone(waiter);
    if (!isLost) return;
    context.counts.lost += 1;
    context.core.lost(poll!, this);
  }

  // --- what the core says ---

  deliver(message: Message): void {
    const { socket, context } = this.#connection;
    const { answers } = context;
    if (context.isDraining) this.#connection.beLast();
    const head = answers.message(message, this.#release("delivery"));
    socket.write(head, 0, answers.end);
    if (message.byteLength > copiedMessageBytesMax) {
      // It never changes, so that what the kernel does not take can stay where it is.
      socket.write(message.buffer, message.start, message.end, 0);
    }
    this.#connection.complete();
  }

  redirect(location: string): void {
    const { socket, context } = this.#connection;
    const { answers } = context;
    const answer = answers.redirect(location, this.#release("redirect"));
    socket.write(answer, 0, answers.end);
    this.#connection.complete();
  }

  dismiss(): void {
    this.#connection.beLast();
    this.#release(null);
    this.#connection.answer(this.#connection.context.answers.text(410, "", "", true));
  }

  close(): void {
    this.#release(null);
    this.#connection.end();
  }

  /** Returns whether the answer is the last one. */
  #release(answer: "delivery" | "redirect" | null): boolean {
    const { context } = this.#connection;
    context.counts.polls -= 1;
    this.#isHeld = false;
    this.#waiter = null;
    this.#answer = answer;
    this.#answeredMs = context.clock.lastMs;
    return this.#connection.release();
  }

  /**
   * A claim is for the broker that has made the offer, whoever owns the key meanwhile. That of another broker's offer comes here when
   * the client reaches brokers by a name that all of them share.
   */
  #isForOwner({ lease }: RedirectQuery): boolean {
    return lease === null || !this.#connection.context.core.isOwnLease(lease);
  }

  /** Sends the poll to the broker that owns its key, unless this one does. */
  #hasMoved(poll: Poll, query: RedirectQuery): boolean {
    const { membership, counts } = this.#connection.context;
    if (query.members !== null) {
      membership.landed(query.members);
      return false;
    }
    const owner = membership.ownerOf(poll.key);
    if (owner === null) return false;
    counts.redirected += 1;
    this.redirect(pollLocation(owner, query, membership.epoch));
    // It is not an offer: nobody waits for what becomes of it.
    this.#answer = null;
    return true;
  }

  /** Whether the client cannot have read the answer whole. */
  #wasCutOff(isReset: boolean): boolean {
    const { socket, context } = this.#connection;
    if (socket.unsentBytes > 0 || socket.isBroken) return true;
    // Who closes after reading everything sends FIN; RST says that something was not read, or came too late.
    const agoMs = context.clock.lastMs - this.#answeredMs;
    return isReset && this.#answer === "delivery" && agoMs < resetAfterDeliveryMs;
  }
}
