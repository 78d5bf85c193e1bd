/**
 * WebSockets. A real `Bun.serve` inside this process stands behind them, so that frames, topics, compression and close
 * codes are Bun's own. When the app calls `server.upgrade(request)`, the runner connects to it, repeats the client's
 * handshake with a one-time token, which finds what the app passed to `upgrade`, and from then on bytes go both ways
 * untouched.
 */
import { SocketTunnel } from "./socket-tunnel.ts";
import { WireRequest } from "./wire-request.ts";

/** What the app may pass to `server.upgrade`. */
export interface UpgradeOptions {
  data?: unknown;
  headers?: Bun.HeadersInit;
}

interface Pending extends UpgradeOptions {
  peerAddress: string;
}

const TOKEN_HEADER = "levain-upgrade";

/** Bun's own, taken before the app's code sees a captured one. */
const nativeServe = Bun.serve;

export class Upgrades {
  readonly #pending = new Map<string, Pending>();
  readonly #socketPath: string;
  #server: Bun.Server<unknown> | null = null;
  /** Address of the client whose socket is being opened right now: Bun calls `open` inside `upgrade`. */
  #openingPeer = "";

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** The real server, or null while no WebSocket was ever asked for. */
  get server(): Bun.Server<unknown> | null {
    return this.#server;
  }

  /** Starts to upgrade; false when this is no request for a WebSocket, or was answered already. */
  upgrade(request: Request, websocket: object, options: UpgradeOptions): boolean {
    const stream = WireRequest.streamOf(request);
    if (stream === undefined || stream.closed || stream.tunnel !== null) return false;
    if (!stream.asksUpgrade || !asksForWebSocket(request)) return false;
    this.#server ??= this.#listen(websocket);
    const token = crypto.getRandomValues(new Uint8Array(16)).toHex();
    this.#pending.set(token, { ...options, peerAddress: stream.head.peer.address });
    stream.tunnel = new SocketTunnel({
      stream,
      socketPath: this.#socketPath,
      handshake: handshake(request, token),
      onAnswered: () => this.#pending.delete(token),
    });
    return true;
  }

  /** `server.reload` with other handlers. */
  reload(websocket: object): void {
    this.#server?.reload(this.#optionsFor(websocket) as never);
  }

  #listen(websocket: object): Bun.Server<unknown> {
    // Loaded here: most apps have no sockets, and node:fs takes 5 ms of a start.
    process.getBuiltinModule("node:fs").rmSync(this.#socketPath, { force: true });
    return nativeServe({ unix: this.#socketPath, ...this.#optionsFor(websocket) } as never);
  }

  #optionsFor(websocket: object): object {
    return {
      fetch: (request: Request, server: Bun.Server<unknown>) => this.#accept(request, server),
      websocket: this.#withPeerAddress(websocket),
    };
  }

  #accept(request: Request, server: Bun.Server<unknown>): Response | undefined {
    const token = request.headers.get(TOKEN_HEADER) ?? "";
    const pending = this.#pending.get(token);
    this.#pending.delete(token);
    if (pending === undefined) return new Response(null, { status: 403 });
    this.#openingPeer = pending.peerAddress;
    const upgraded = server.upgrade(request, {
      data: pending.data,
      ...(pending.headers === undefined ? {} : { headers: pending.headers }),
    });
    this.#openingPeer = "";
    return upgraded ? undefined : new Response(null, { status: 400 });
  }

  /** The real server sees a unix socket; the app must see its client's address. */
  #withPeerAddress(websocket: object): object {
    const { open } = websocket as { open?: (socket: Bun.ServerWebSocket<unknown>) => unknown };
    return {
      message() {},
      ...websocket,
      open: (socket: Bun.ServerWebSocket<unknown>) => {
        Object.defineProperty(socket, "remoteAddress", { value: this.#openingPeer });
        return open?.call(websocket, socket);
      },
    };
  }
}

/** The client's handshake again, with what Bun needs of it. */
function handshake(request: Request, token: string): string {
  let head = `GET /${new URL(request.url).search} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n`;
  head += `upgrade: websocket\r\n${TOKEN_HEADER}: ${token}\r\n`;
  for (const name of [
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
  ]) {
    const value = request.headers.get(name);
    if (value !== null) head += `${name}: ${value}\r\n`;
  }
  return `${head}\r\n`;
}

/** Whether Bun would upgrade this request. */
function asksForWebSocket({ method, headers }: Request): boolean {
  return (
    method === "GET" &&
    /^[A-Za-z0-9+/]{22}==$/.test(headers.get("sec-websocket-key") ?? "") &&
    headers.get("sec-websocket-version") === "13"
  );
}
