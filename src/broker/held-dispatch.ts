/**
 * The dispatches of one connection, one at a time.
 *
 *   idle ──read()──▶ its body comes ──start()──▶ held ──answer()──▶ idle
 *                                                 └──connection closed──▶ the core is told
 */
import { PlatformError } from "../base/errors.ts";
import { parsed } from "../http/parsed-head.ts";
import type { Dispatch, Dispatcher } from "./broker-api.ts";
import type { BrokerConnection } from "./broker-connection.ts";
import { readDispatch } from "./dispatch-body.ts";
import { bodyStartIfKnown, type KnownDispatchHead, knownDispatchHead } from "./dispatch-head.ts";
import { dispatchLocation, noRedirect, type RedirectQuery } from "./redirect-query.ts";

export class HeldDispatch implements Dispatcher {
  readonly #connection: BrokerConnection;
  #query: RedirectQuery = noRedirect;
  #traceparent = "";
  #known: KnownDispatchHead | null = null;
  #isHeld = false;
  #handle: object | null = null;

  constructor(connection: BrokerConnection) {
    this.#connection = connection;
  }

  /** What the head says. @param head as `parsed` was read from it, to know it by; null: it is not to be known */
  read(query: RedirectQuery, traceparent: string, head: Buffer | null): void {
    this.#query = query;
    this.#traceparent = traceparent;
    this.#known = head === null ? null : knownDispatchHead(head, parsed);
  }

  /** Starts the dispatch that the chunk is, if its head is the last one's. Returns whether it was. */
  takeIfKnown(chunk: Buffer): boolean {
    if (this.#known === null) return false;
    const { context } = this.#connection;
    const bodyStart = bodyStartIfKnown(this.#known, chunk);
    if (bodyStart === -1 || chunk.length - bodyStart > context.bodyBytesMax) return false;
    context.counts.requests += 1;
    this.start(chunk, bodyStart);
    return true;
  }

  /**
   * The body is there: hands the dispatch to the core, or to the broker that its key belongs to.
   *
   * @param start where it begins; it ends with `body`
   */
  start(body: Buffer, start = 0): void {
    const { context } = this.#connection;
    const dispatch = readDispatch(body, this.#traceparent, start);
    if (typeof dispatch === "string") {
      return this.#connection.refuse(new PlatformError("BROKER_MESSAGE_INVALID", [dispatch]));
    }
    if (!context.membership.isAlone && this.#hasMoved(dispatch)) return;
    this.#connection.hold();
    this.#isHeld = true;
    context.counts.dispatches += 1;
    const handle = context.core.dispatch(dispatch, this);
    if (this.#isHeld) this.#handle = handle;
  }

  onClose(): void {
    const { context } = this.#connection;
    const handle = this.#handle;
    if (this.#isHeld) context.counts.dispatches -= 1;
    this.#isHeld = false;
    this.#handle = null;
    if (handle !== null) context.core.dispatcherGone(handle);
  }

  // --- what the core says ---

  answer(didWarmStart: boolean): void {
    const { context } = this.#connection;
    context.counts.dispatches -= 1;
    this.#isHeld = false;
    this.#handle = null;
    if (context.isDraining) this.#connection.beLast();
    const isLast = this.#connection.release();
    this.#connection.answer(context.answers.verdict(didWarmStart, isLast));
  }

  /** Sends the dispatch to the broker that owns its key, unless this one does. */
  #hasMoved({ key }: Dispatch): boolean {
    const { membership, counts, gate, answers } = this.#connection.context;
    if (this.#query.members !== null) {
      membership.landed(this.#query.members);
      return false;
    }
    const owner = key === "" ? null : membership.dispatchOwnerOf(key);
    if (owner === null) return false;
    counts.redirected += 1;
    const location = dispatchLocation(owner, gate.vouch(), membership.epoch);
    this.#connection.hold();
    const isLast = this.#connection.release();
    this.#connection.answer(
      Buffer.from(answers.redirect(location, isLast).subarray(0, answers.end)),
    );
    return true;
  }
}
