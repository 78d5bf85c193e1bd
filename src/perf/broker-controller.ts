/**
 * An idle runner as the load generator plays it: polls over a kept connection, follows redirects over the same one, polls
 * again at once when it got a message, and on a new connection when its time is over or the old one is gone.
 */
import { Link, type LinkOwner } from "./broker-link.ts";
import { type BrokerKey, numberIn, type PollRequest, pollRequest } from "./broker-requests.ts";
import type { BrokerTally } from "./broker-tally.ts";
import { brokerReopenPauseMs } from "./limits.ts";

export class BrokerController implements LinkOwner {
  readonly #url: URL;
  readonly #tally: BrokerTally;
  readonly #poll: PollRequest;
  readonly #onPolling: () => void;
  #link: Link | null = null;
  /** When the request that is held now began; Infinity when none is. */
  #sinceMs = Number.POSITIVE_INFINITY;
  #isStopped = false;
  #hasPolled = false;

  /** Opens its connection at once. @param onPolling called once, when its first poll was sent */
  constructor(url: URL, key: BrokerKey, name: string, tally: BrokerTally, onPolling: () => void) {
    this.#url = url;
    this.#tally = tally;
    this.#onPolling = onPolling;
    this.#poll = pollRequest(url.host, key, name);
    this.#open();
  }

  /** Gives a poll up that was held for longer than the broker said it should be, as the real client does. */
  look(nowMs: number, connectionTimeoutMs: number): void {
    if (nowMs - this.#sinceMs < connectionTimeoutMs) return;
    this.#link?.close();
    this.#open();
  }

  stop(): void {
    this.#isStopped = true;
    this.#link?.close();
  }

  onOpen(): void {
    this.#ask();
    if (!this.#hasPolled) this.#onPolling();
    this.#hasPolled = true;
  }

  onAnswer(status: number, bytes: Buffer): void {
    if (status === 200) {
      this.#tally.delivered(numberIn(bytes, this.#tally.tag));
      return this.#ask();
    }
    if (status === 307 || status === 302 || status === 308) return this.#follow(bytes);
    this.#tally.ended(status);
    this.#rest();
  }

  onGone(wasOpen: boolean): void {
    this.#tally.dropped(wasOpen);
    this.#rest();
  }

  #ask(): void {
    this.#sinceMs = this.#tally.nowMs();
    this.#link?.send(this.#poll.bytes);
  }

  #follow(bytes: Buffer): void {
    const location = /\r\nlocation: ?([^\r\n]+)/i.exec(bytes.toString("latin1"))?.[1];
    if (location === undefined) return this.#rest();
    this.#tally.redirected();
    // Time is that of the whole fetch, so it goes on.
    if (location.startsWith("/")) return this.#link?.send(this.#poll.redirected(location));
    // To another broker; the next poll is its too, as after a DNS entry that has changed.
    const url = new URL(location, this.#url);
    this.#url.host = url.host;
    this.#link?.close();
    this.#open();
  }

  #open(): void {
    this.#sinceMs = Number.POSITIVE_INFINITY;
    this.#link = new Link(this, this.#url.hostname, Number(this.#url.port || 80));
  }

  /** Before it tries again. */
  #rest(): void {
    this.#sinceMs = Number.POSITIVE_INFINITY;
    this.#link?.close();
    this.#link = null;
    setTimeout(() => {
      if (!this.#isStopped) this.#open();
    }, brokerReopenPauseMs);
  }
}
