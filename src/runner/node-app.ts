/**
 * An app that is a server of node:http, as Express, Fastify and NestJS make one: gives it the requests of the wire, over
 * connections that stay for the next request.
 */
import { ResetReason } from "../wire/frames.ts";
import { nodeConnectionsIdleMax, retriedAtOnceMax, retryMs } from "./limits.ts";
import { NodeConnection, type NodeConnectionOwner } from "./node-connection.ts";
import { NodeRequest } from "./node-request.ts";
import type { ServerStream } from "./server-stream.ts";
import { asRunner } from "./turn-end.ts";

// An app may replace it.
const { setTimeout } = globalThis;

/** A request as the app's server gets it. */
export interface SeenRequest {
  /** Null when the app has asked itself, or nobody waits for the answer any more. */
  request: NodeRequest | null;
  target: string;
}

export class NodeApp implements NodeConnectionOwner {
  readonly #path: () => string | null;
  /** What nobody but us puts in front of a target. */
  readonly #secret = `/${crypto.getRandomValues(new Uint8Array(6)).toHex()}-`;
  /** Those that the app's code has not seen yet, by mark. */
  readonly #unseen = new Map<string, NodeRequest>();
  /** To the server that listens at `#idlePath`. */
  readonly #idle: NodeConnection[] = [];
  #idlePath: string | null = null;
  #asked = 0;
  /** Those that found no connection; bounded by what the node opens. */
  #unreached: NodeRequest[] = [];
  #retry: ReturnType<typeof setTimeout> | null = null;

  /** @param path where the app's server listens now; null: nowhere */
  constructor(path: () => string | null) {
    this.#path = path;
  }

  /** A request whose body may begin to come; `start` sends it. */
  request(stream: ServerStream, first: Uint8Array | null, isWhole: boolean): NodeRequest {
    this.#asked += 1;
    return new NodeRequest(stream, `${this.#secret}${this.#asked.toString(36)}!`, first, isWhole);
  }

  start(request: NodeRequest): void {
    const path = this.#path();
    if (path === null) {
      request.stream.reset(ResetReason.HANDLER_THREW, "the app's server does not listen any more");
      return;
    }
    if (path !== this.#idlePath) this.#forgetIdle(path);
    // A request that cannot be sent a second time does not go where the app may be about to hang up.
    const isRisky = !request.isWhole || request.isSecondTry;
    const idle = isRisky ? undefined : this.#idle.pop();
    this.#unseen.set(request.mark, request);
    request.stream.onRelease = () => this.#unseen.delete(request.mark);
    (idle ?? new NodeConnection(path, this)).ask(request);
  }

  /** The app's code is about to get a request for `url`. Returns which it is, and the target without our mark. */
  seen(url: string): SeenRequest {
    if (!url.startsWith(this.#secret)) return { request: null, target: url };
    const markEnd = url.indexOf("!") + 1;
    const mark = url.slice(0, markEnd);
    // One whose client has gone meanwhile is unknown here, and the app hears so right away.
    const request = this.#unseen.get(mark) ?? null;
    this.#unseen.delete(mark);
    if (request !== null) request.isDispatched = true;
    return { request, target: url.slice(markEnd) };
  }

  /** Another server is the app from now on. */
  #forgetIdle(path: string): void {
    this.#idlePath = path;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** The app accepts connections more slowly than requests come: the kernel takes no more of them. */
  onUnreached(request: NodeRequest): void {
    this.#unreached.push(request);
    this.#retryLater();
  }

  onIdle(connection: NodeConnection): void {
    // A server that has closed is done, and says so to the app, once its last connection is gone.
    const isOld = connection.path !== this.#idlePath || connection.path !== this.#path();
    const next = isOld ? undefined : this.#nextUnreached();
    if (next !== undefined) connection.ask(next);
    else if (isOld || this.#idle.length >= nodeConnectionsIdleMax) connection.close();
    else this.#idle.push(connection);
  }

  onClosed(connection: NodeConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  onUnseen(request: NodeRequest): void {
    request.isSecondTry = true;
    this.start(request);
  }

  #retryLater(): void {
    this.#retry ??= asRunner(setTimeout, () => this.#retryNow(), retryMs);
  }

  #retryNow(): void {
    this.#retry = null;
    for (let count = 0; count < retriedAtOnceMax; count++) {
      const request = this.#nextUnreached();
      if (request === undefined) return;
      this.start(request);
    }
    if (this.#unreached.length > 0) this.#retryLater();
  }

  /** The one that has waited longest and is still waited for. */
  #nextUnreached(): NodeRequest | undefined {
    for (let request = this.#unreached.shift(); request; request = this.#unreached.shift()) {
      if (!request.stream.closed) return request;
    }
    return undefined;
  }
}
