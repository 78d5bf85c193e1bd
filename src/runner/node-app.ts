/**
 * An app that is a server of node:http, as Express, Fastify and NestJS make one: gives it the requests of the wire, over
 * connections that stay for the next request.
 */
import { ResetReason } from "../wire/frames.ts";
import { nodeConnectionsIdleMax } from "./limits.ts";
import { NodeConnection, type NodeConnectionOwner } from "./node-connection.ts";
import { NodeRequest } from "./node-request.ts";
import type { ServerStream } from "./server-stream.ts";

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
    const connection = (isRisky ? undefined : this.#idle.pop()) ?? new NodeConnection(path, this);
    this.#unseen.set(request.mark, request);
    request.stream.onRelease = () => this.#unseen.delete(request.mark);
    connection.ask(request);
  }

  /** The app's code is about to get a request for `url`. Returns the one that it is; undefined for one of somebody else's. */
  seen(url: string): NodeRequest | undefined {
    if (!url.startsWith(this.#secret)) return undefined;
    const mark = url.slice(0, url.indexOf("!") + 1);
    const request = this.#unseen.get(mark);
    if (request === undefined) return undefined;
    this.#unseen.delete(mark);
    request.isDispatched = true;
    return request;
  }

  /** Another server is the app from now on. */
  #forgetIdle(path: string): void {
    this.#idlePath = path;
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  onIdle(connection: NodeConnection): void {
    const isOld = connection.path !== this.#idlePath;
    if (isOld || this.#idle.length >= nodeConnectionsIdleMax) connection.close();
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
}
