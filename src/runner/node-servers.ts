/**
 * Servers of node:http. Where one wants to listen on a port, it gets a unix socket in the folder of its process instead, and
 * everything that it can ask says what it wanted: so no port is open on the machine, any port and address will do, and two
 * processes never clash. The server on PORT is the app; without one, the only server there is.
 *
 *   listen(port) ──▶ open ──close()──▶ gone (and may listen again)
 */
import type { FailedMessage, FailureCode } from "../wire/control.ts";
import { currentRequestId } from "./console.ts";
import { nodeServersMax, otherPortGraceMs, severalServersGraceMs } from "./limits.ts";
import { reachOwnServers } from "./loopback.ts";
import { answerInterfaces } from "./network-interfaces.ts";
import type { SeenRequest } from "./node-app.ts";
import type { NodeRequest } from "./node-request.ts";

/** The option by which node:http hands its requests to Bun.serve (Bun 1.4.5). */
export const NODE_HTTP_HANDLER = "onNodeHTTPRequest";

/** What node:http gives to Bun.serve. */
export interface NodeListenOptions {
  port?: unknown;
  hostname?: string | undefined;
  unix?: string | undefined;
  tls?: unknown;
  [NODE_HTTP_HANDLER](...args: unknown[]): unknown;
}

/** What node:http keeps of Bun.serve's server. */
interface NativeServer {
  stop(...args: unknown[]): unknown;
}

/** Where in its arguments the handler finds what. */
const urlAt = 1;
const socketAt = 6;
/** Bun 1.3 gives the lines of the head too, as a list before it. */
const linesAt = 4;

export interface NodeServersOptions {
  /** Port that the app is told to use. */
  port: number;
  /** Folder of the sockets. */
  folder: string;
  /** It may listen on other ports of the machine, as `permissions.listen` says. */
  mayListen: boolean;
  /** The app can never take requests. May end the process. */
  onRefused(failure: FailedMessage): void;
  /** The app's code is about to get a request. */
  seen(url: string): SeenRequest;
}

/** Opens what a path leads to as a place alone. Linux; Node has no name for it. */
const O_PATH = 0o10000000;

// An app may replace them.
const { setTimeout, clearTimeout } = globalThis;

/** Ports for servers that ask for any. */
const anyPortMin = 49_152;

export class NodeServers {
  readonly #options: NodeServersOptions;
  /** By port; a server on a unix socket of its own has its path as name. */
  readonly #paths = new Map<number | string, string>();
  /** Addresses that they believe to have, by port. */
  readonly #hosts = new Map<number, string>();
  #chosen: number | string | null = null;
  readonly #whenChosen = Promise.withResolvers<void>();
  #grace: ReturnType<typeof setTimeout> | null = null;
  #nextPort = anyPortMin;

  constructor(options: NodeServersOptions) {
    this.#options = options;
  }

  /** Resolves when there is a server that is the app. */
  get chosen(): Promise<void> {
    return this.#whenChosen.promise;
  }

  /** Where the app's server listens now; null when it does not. */
  get path(): string | null {
    return this.#chosen === null ? null : (this.#paths.get(this.#chosen) ?? null);
  }

  /**
   * What node:http gets for its call of Bun.serve.
   *
   * @throws what `listen` emits as its error
   */
  listen(
    options: NodeListenOptions,
    native: (options: NodeListenOptions) => NativeServer,
  ): NativeServer {
    if (options.tls) {
      this.refuse("TLS_SERVER", String(options.port ?? options.unix));
      throw new Error("a server with TLS cannot listen here: TLS ends in front of the app");
    }
    const port = portOf(options.port);
    // `listen({ path: false, port })` is a port.
    const unix = options.unix || undefined;
    // Node's own words for what is no port.
    if (unix === undefined && !isPort(port)) return native(options);
    if (unix === undefined && this.#options.mayListen && this.#isForOthers(port)) {
      return native(options);
    }
    if (this.#paths.size >= nodeServersMax) {
      throw new Error(`an app has at most ${nodeServersMax} servers that listen`);
    }
    reachOwnServers((port) => this.#paths.get(port));
    answerInterfaces();
    if (unix !== undefined) return this.#onPath(unix, options, native);
    return this.#onPort(port === 0 ? this.#anyPort() : (port as number), options, native);
  }

  /** The app has asked for what it cannot have. */
  refuse(code: FailureCode, message: string): void {
    this.#options.onRefused({ type: "failed", code, message });
  }

  #isForOthers(port: unknown): boolean {
    return port !== this.#options.port && port !== 0;
  }

  #onPort(
    port: number,
    options: NodeListenOptions,
    native: (options: NodeListenOptions) => NativeServer,
  ): NativeServer {
    const hostname = options.hostname ?? "::";
    const isSecond = this.#paths.has(port);
    if (isSecond && !areApart(hostname, this.#hosts.get(port)!)) throw addressInUse(hostname, port);
    const unix = `${this.#options.folder}/h${port.toString(36)}`;
    const { closeSync, openSync, rmSync } = process.getBuiltinModule("node:fs");
    rmSync(unix, { force: true });
    const server = native({
      ...this.#withMarks(options),
      port: undefined,
      hostname: undefined,
      unix,
    });
    const family = hostname.includes(":") ? "IPv6" : "IPv4";
    Object.defineProperties(server, {
      address: { get: () => ({ address: hostname, family, port }) },
      hostname: { value: hostname },
      port: { value: port },
    });
    // Every process of the machine can read where sockets are, and those of the same user could connect to it, past the
    // edge. So the name goes, and what is left of it is a descriptor of this process.
    const descriptor = isSecond ? null : openSync(unix, O_PATH);
    rmSync(unix, { force: true });
    // Nobody asks the second one, which is the same app at another address.
    if (descriptor === null) return server;
    this.#hosts.set(port, hostname);
    this.#opened(port, `/proc/self/fd/${descriptor}`, server, () => closeSync(descriptor));
    return server;
  }

  /** A unix socket of the app's own choice is as good as one of ours. */
  #onPath(
    path: string,
    options: NodeListenOptions,
    native: (options: NodeListenOptions) => NativeServer,
  ): NativeServer {
    const server = native(this.#withMarks(options));
    this.#opened(path, path, server);
    return server;
  }

  /** @param onStop called once */
  #opened(name: number | string, path: string, server: NativeServer, onStop = () => {}): void {
    this.#paths.set(name, path);
    const { stop } = server;
    let isOpen = true;
    server.stop = (...args) => {
      if (isOpen && this.#paths.get(name) === path) this.#paths.delete(name);
      if (isOpen) onStop();
      isOpen = false;
      return stop.apply(server, args);
    };
    if (name === this.#options.port) return this.#choose(name);
    if (this.#chosen !== null) return warnOfOther(name, this.#chosen);
    this.#grace ??= setTimeout(() => this.#decide(false), otherPortGraceMs);
  }

  /** PORT's server did not come so far. */
  #decide(isLast: boolean): void {
    this.#grace = null;
    const names = [...this.#paths.keys()];
    if (names.length === 1) {
      const { port } = this.#options;
      const sooner = `on process.env.PORT (${port}) it would start ${otherPortGraceMs} ms sooner`;
      console.warn(`The app listens on ${names[0]}: ${sooner}`);
      return this.#choose(names[0]!);
    }
    if (names.length === 0) return;
    if (isLast) return this.refuse("SEVERAL_SERVERS", names.join(", "));
    this.#grace = setTimeout(() => this.#decide(true), severalServersGraceMs);
  }

  #choose(name: number | string): void {
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#grace = null;
    this.#chosen = name;
    for (const other of this.#paths.keys()) if (other !== name) warnOfOther(other, name);
    this.#whenChosen.resolve();
  }

  #anyPort(): number {
    while (this.#paths.has(this.#nextPort)) this.#nextPort += 1;
    return this.#nextPort;
  }

  /** The handler sees targets without our marks, the client's address, and runs under the request's id. */
  #withMarks(options: NodeListenOptions): NodeListenOptions {
    const handle = options[NODE_HTTP_HANDLER];
    const { seen } = this.#options;
    return {
      ...options,
      [NODE_HTTP_HANDLER](this: unknown, ...args: unknown[]): unknown {
        const { request, target } = seen(args[urlAt] as string);
        args[urlAt] = target;
        const at = Array.isArray(args[linesAt]) ? socketAt + 1 : socketAt;
        showClient(args[at] as NativeSocket, request);
        if (request === null) return handle.apply(this, args);
        return currentRequestId.run(request.stream.head.requestId, () => handle.apply(this, args));
      },
    };
  }
}

/** As with a second call of Bun.serve. */
function warnOfOther(name: number | string, chosen: number | string): void {
  console.warn(`The server on ${name} gets no requests: they go to the one on ${chosen}`);
}

const REQUEST = Symbol("request");

/** What node:http asks for the addresses of a connection. */
interface NativeSocket {
  [REQUEST]?: NodeRequest | null;
}

/** Lets `req.socket` say the address of the client, as it would without us. @param request null for one of the app's own */
function showClient(socket: NativeSocket, request: NodeRequest | null): void {
  if (!(REQUEST in socket)) {
    Object.defineProperty(socket, "remoteAddress", {
      get(this: NativeSocket) {
        const { address, port } = this[REQUEST]?.stream.head.peer ?? itself;
        return { address, port, family: address.includes(":") ? "IPv6" : "IPv4" };
      },
    });
  }
  socket[REQUEST] = request;
}

/** Who asks when nobody is known: the app itself. */
const itself = { address: "127.0.0.1", port: 0 };

/** `listen({ port: process.env.PORT })` gives a text. */
function portOf(port: unknown): unknown {
  return typeof port === "string" && /^\d+$/.test(port) ? Number(port) : port;
}

function isPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) >= 0 && (port as number) < 65_536;
}

/** Whether two servers can have one port, as Fastify's have one each on 127.0.0.1 and ::1 for `localhost`. */
function areApart(left: string, right: string): boolean {
  const isAny = (host: string) => host === "" || host === "::" || host === "0.0.0.0";
  return left !== right && !isAny(left) && !isAny(right);
}

function addressInUse(address: string, port: number): Error {
  const error = new Error(`listen EADDRINUSE: address already in use ${address}:${port}`);
  return Object.assign(error, {
    code: "EADDRINUSE",
    errno: -98,
    syscall: "listen",
    address,
    port,
  });
}
