/**
 * WebSockets. When the app has called `server.upgrade(request)`, the runner connects to a real `Bun.serve` inside this
 * process and repeats the client's handshake there with a one-time token; the token finds what the app passed to
 * `upgrade`. From then on bytes go both ways untouched.
 */
import { randomBytes } from "node:crypto";
import { FrameType, ResetReason } from "../wire/frames.ts";
import { framePayloadBytesMax } from "../wire/limits.ts";
import type { ServerStream } from "./server-stream.ts";

interface Pending {
  data: unknown;
  headers: Headers | undefined;
  peerAddress: string;
}

const TOKEN_HEADER = "levain-upgrade";

/** Bun's own, taken before the app's code sees a captured one. */
const nativeServe = Bun.serve;

export class PendingUpgrades {
  readonly #pending = new Map<string, Pending>();
  readonly #requestsInFlight: () => number;
  #server: Bun.Server<unknown> | null = null;
  #socketPath = "";
  /** Address of the client whose socket is being opened right now: Bun calls `open` inside `upgrade`. */
  #openingPeer = "";

  constructor(requestsInFlight: () => number) {
    this.#requestsInFlight = requestsInFlight;
  }

  pendingRequests(): number {
    return this.#requestsInFlight();
  }

  /** Starts the real server for the app's `websocket` handlers. */
  listen(socketPath: string, websocket: object): Bun.Server<unknown> {
    this.#socketPath = socketPath;
    this.#server = nativeServe({
      unix: socketPath,
      fetch: (request, server) => this.#accept(request, server),
      websocket: this.#withPeerAddress(websocket),
    } as Bun.Serve.Options<unknown>);
    return this.#server;
  }

  reload(websocket: object): Bun.Server<unknown> {
    this.#server?.reload({
      fetch: (request: Request, server: Bun.Server<unknown>) => this.#accept(request, server),
      websocket: this.#withPeerAddress(websocket),
    } as never);
    return this.#server!;
  }

  /** Repeats the handshake and joins the stream to the socket it yields. */
  async tunnel(stream: ServerStream, request: Request, pending: Pending): Promise<void> {
    const token = randomBytes(16).toString("hex");
    this.#pending.set(token, pending);
    let headBytes: Buffer | null = Buffer.alloc(0);
    /** What the client sent and the local socket has not taken yet. */
    const unsent: Uint8Array[] = [];
    let endAfterUnsent = false;
    let socket: Bun.Socket<undefined> | null = null;

    const pump = () => {
      while (unsent.length > 0 && socket !== null) {
        const chunk = unsent[0]!;
        const taken = Math.max(socket.write(chunk), 0);
        stream.granted(taken);
        if (taken < chunk.length) {
          unsent[0] = chunk.subarray(taken);
          return;
        }
        unsent.shift();
      }
      if (endAfterUnsent && unsent.length === 0) socket?.end();
    };
    stream.tunnel = {
      onData: (chunk) => {
        unsent.push(chunk);
        pump();
      },
      onEnd: () => {
        endAfterUnsent = true;
        pump();
      },
      onClosed: () => {
        this.#pending.delete(token);
        socket?.terminate();
      },
    };
    const failed = (text: string) => stream.reset(ResetReason.TUNNEL_CLOSED, text);

    // Bytes from the app's socket to the client, in order, as the window allows.
    let sending = Promise.resolve();
    const send = (bytes: Uint8Array) => {
      socket?.pause();
      sending = sending.then(async () => {
        if (await stream.sendAll(bytes)) socket?.resume();
      });
    };
    try {
      await Bun.connect({
        unix: this.#socketPath,
        socket: {
          open: (opened) => {
            socket = opened;
            opened.write(handshake(request, token));
          },
          data: (_socket, chunk) => {
            if (headBytes === null) return send(new Uint8Array(chunk));
            headBytes = Buffer.concat([headBytes, chunk]);
            const end = headBytes.indexOf("\r\n\r\n");
            if (end === -1) {
              if (headBytes.length > framePayloadBytesMax)
                failed("the handshake's answer is too long");
              return;
            }
            const head = headBytes.subarray(0, end + 4);
            const rest = headBytes.subarray(end + 4);
            if (!head.latin1Slice(0, 13).startsWith("HTTP/1.1 101 ")) {
              return failed("the WebSocket handshake was refused");
            }
            headBytes = null;
            if (stream.closed) return;
            const at = stream.begin(FrameType.TUNNEL, 0, head.length, 0);
            stream.buffer.set(head, at);
            if (rest.length > 0) send(new Uint8Array(rest));
          },
          drain: pump,
          close: () => {
            socket = null;
            void sending.then(() => {
              if (headBytes !== null) return failed("the WebSocket handshake was not answered");
              stream.sendEnd();
              stream.close();
            });
          },
          error: () => {},
        },
      });
    } catch (error) {
      failed(String(error));
    }
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
export function asksForWebSocket(request: Request): boolean {
  const key = request.headers.get("sec-websocket-key");
  return (
    request.method === "GET" &&
    key !== null &&
    /^[A-Za-z0-9+/]{22}==$/.test(key) &&
    request.headers.get("sec-websocket-version") === "13"
  );
}
