/** A supervisor as the load generator plays it: a closed loop of dispatches over one connection, each of a key drawn at random. */
import { Link, type LinkOwner } from "./broker-link.ts";
import type { DispatchRequest } from "./broker-requests.ts";
import type { BrokerTally } from "./broker-tally.ts";
import { brokerReopenPauseMs } from "./limits.ts";

export interface DispatcherOptions {
  url: URL;
  /** Those for which somebody waits. */
  requests: readonly DispatchRequest[];
  /** One for which nobody does. */
  missing: DispatchRequest;
  /** Share of the former. 0 to 1. */
  hitRatio: number;
  /** 0 to 1. */
  random: () => number;
  tally: BrokerTally;
}

export class BrokerDispatcher implements LinkOwner {
  readonly #options: DispatcherOptions;
  #link: Link | null = null;
  #isStopped = false;
  #number = -1;
  #isWaitedFor = false;
  /** When the request under way began; Infinity when none is. */
  #sinceMs = Number.POSITIVE_INFINITY;

  /** Opens its connection and begins at once. */
  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#open();
  }

  /** Ends after the dispatch that is under way. */
  stop(): void {
    this.#isStopped = true;
    if (this.#sinceMs === Number.POSITIVE_INFINITY) this.close();
  }

  get isIdle(): boolean {
    return this.#sinceMs === Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#isStopped = true;
    this.#link?.close();
  }

  look(nowMs: number, timeoutMs: number): void {
    if (nowMs - this.#sinceMs < timeoutMs) return;
    this.#options.tally.failed("timeout");
    this.#rest();
  }

  onOpen(): void {
    this.#ask();
  }

  onAnswer(status: number, bytes: Buffer): void {
    const { tally } = this.#options;
    const sinceMs = this.#sinceMs;
    this.#sinceMs = Number.POSITIVE_INFINITY;
    if (status === 200) {
      const body = bytes.indexOf("\r\n\r\n") + 4;
      const isHit = bytes.indexOf("true", body, "latin1") !== -1;
      tally.answered(this.#number, sinceMs, isHit, this.#isWaitedFor);
    } else tally.refusedWith(status);
    if (this.#isStopped) this.#link?.close();
    else this.#ask();
  }

  onGone(wasOpen: boolean): void {
    this.#options.tally.failed(wasOpen ? "reset" : "refused");
    this.#rest();
  }

  #ask(): void {
    const { requests, missing, hitRatio, random, tally } = this.#options;
    this.#isWaitedFor = hitRatio === 1 || random() < hitRatio;
    const request = this.#isWaitedFor ? requests[Math.floor(random() * requests.length)]! : missing;
    this.#number = tally.ledger.begin();
    this.#sinceMs = tally.nowMs();
    this.#link?.send(request.numbered(this.#number));
  }

  #open(): void {
    const { url } = this.#options;
    this.#link = new Link(this, url.hostname, Number(url.port || 80));
  }

  #rest(): void {
    this.#sinceMs = Number.POSITIVE_INFINITY;
    this.#link?.close();
    this.#link = null;
    setTimeout(() => {
      if (!this.#isStopped) this.#open();
    }, brokerReopenPauseMs);
  }
}
