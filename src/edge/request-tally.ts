/**
 * Measures one request after the other of a connection: when it began, what moved, and how it ended. What it has is
 * given to the traffic of the version, and to its request log, when the answer has ended.
 *
 *   idle ──begin()──▶ running ──end(), close()──▶ idle
 */

import { clientAddressOf } from "../base/client-address.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { ClientStream } from "../router/destination.ts";
import { ABORTED } from "../telemetry/traffic.ts";
import type { EdgeContext } from "./edge-context.ts";
import type { Exchange } from "./exchange.ts";
import type { Peer } from "./forwarded-head.ts";

const idle = -1;

export class RequestTally {
  readonly #context: EdgeContext;
  readonly #peer: Peer;
  /** Clock time. Milliseconds; `idle` between two requests. */
  #startedAtMs = idle;
  #forwardedFor = "";
  /** Of the answer that has begun. */
  status = 0;
  /** Of a verdict, or of a hook's rejection. */
  code: ErrorCode | null = null;
  /** Name of the hook that has given the answer; null when none did. */
  hook: string | null = null;
  /** Of bodies, or of the tunnel. */
  sentBytes = 0;
  receivedBytes = 0;
  /** Of the instance that has, or had, the request; null before one does. */
  channel: ClientStream["channel"] = null;

  constructor(context: EdgeContext, peer: Peer) {
    this.#context = context;
    this.#peer = peer;
  }

  /** @param forwardedFor values of its `x-forwarded-for` lines */
  begin(forwardedFor: string): void {
    this.#startedAtMs = this.#context.clock.lastMs;
    this.#forwardedFor = forwardedFor;
    this.status = 0;
    this.code = null;
    this.hook = null;
    this.sentBytes = 0;
    this.receivedBytes = 0;
  }

  /** The answer has ended with the status it began with. Twice is safe. */
  end(exchange: Exchange): void {
    if (this.#startedAtMs !== idle) this.#end(exchange, this.status);
  }

  /** The client is gone; when the answer has not ended, it never will. Twice is safe. */
  abort(exchange: Exchange): void {
    if (this.#startedAtMs === idle) return;
    this.#context.clock.nowMs();
    this.#end(exchange, exchange.isTunnel ? this.status : ABORTED);
  }

  #end(exchange: Exchange, status: number): void {
    const instance = this.channel?.label ?? null;
    // A connection may outlive the process.
    this.channel = null;
    const nowMs = this.#context.clock.lastMs;
    const durationMs = nowMs - this.#startedAtMs;
    this.#startedAtMs = idle;
    const { pool } = exchange;
    if (pool === null) return this.#context.counters.unrouted.add(status);
    const { traffic, requestLog } = pool;
    const { sentBytes, receivedBytes, code } = this;
    if (exchange.isTunnel) traffic.webSocketClosed(durationMs, sentBytes, receivedBytes);
    else traffic.answered(status, durationMs, sentBytes, receivedBytes);
    if (code !== null) traffic.verdict(code);
    if (requestLog === null || !requestLog.takes(status, nowMs)) return;
    const { isTrusted, clock } = this.#context;
    requestLog.add({
      app: pool.spec.app,
      version: pool.spec.number,
      endedAtMs: clock.wallMs(),
      instance,
      requestId: exchange.id.text,
      method: exchange.method,
      target: exchange.target,
      status,
      durationMs,
      sentBytes,
      receivedBytes,
      client: clientAddressOf(this.#peer.address, this.#forwardedFor, isTrusted),
      code,
      hook: this.hook,
      wake: exchange.wake,
    });
  }
}
