/** Raw servers, each named by its misbehaviour. They answer heads; bodies of requests are not looked at. */
import type { LoadPlan, PreparedRequest } from "./plan.ts";

export type ServerSocket = Bun.Socket<{ input: string; requests: number }>;

export interface RawServer extends Disposable {
  readonly port: number;
  /** Accepted so far. */
  connections: number;
  /** Open now. */
  open: number;
  /** Heads received so far. */
  requests: number;
}

/** Calls `onRequest` for each head; `number` counts those of this connection, from 1. */
export function rawServer(
  onRequest: (socket: ServerSocket, head: string, number: number) => void,
): RawServer {
  const listener = Bun.listen<ServerSocket["data"]>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open(socket) {
        socket.data = { input: "", requests: 0 };
        server.connections += 1;
        server.open += 1;
      },
      data(socket, chunk) {
        socket.data.input += chunk.latin1Slice();
        while (true) {
          const end = socket.data.input.indexOf("\r\n\r\n");
          if (end === -1) return;
          const head = socket.data.input.slice(0, end);
          socket.data.input = socket.data.input.slice(end + 4);
          socket.data.requests += 1;
          server.requests += 1;
          onRequest(socket, head, socket.data.requests);
        }
      },
      close() {
        server.open -= 1;
      },
      error() {},
    },
  });
  const server: RawServer = {
    port: listener.port,
    connections: 0,
    open: 0,
    requests: 0,
    [Symbol.dispose]: () => listener.stop(true),
  };
  return server;
}

export const okAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

export const answers = (text = okAnswer) => rawServer((socket) => void socket.write(text));

export const answersAfter = (ms: number) =>
  rawServer((socket) => setTimeout(() => socket.write(okAnswer), ms));

export const neverAnswers = () => rawServer(() => {});

export const halfAnswer = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

export const resetsMidBody = () =>
  rawServer((socket) => {
    socket.write(halfAnswer);
    socket.terminate();
  });

export const closesMidBody = () =>
  rawServer((socket) => {
    socket.write(halfAnswer);
    socket.end();
  });

/** Its answers do not tell that the connection ends with them. */
export const closesWithoutSaying = () =>
  rawServer((socket, _head, number) => {
    if (number === 1) socket.write(okAnswer);
    else socket.end();
  });

export const announcesClose = () =>
  rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok");
    socket.end();
  });

export const endsBodiesByClosing = () =>
  rawServer((socket) => {
    socket.write("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    socket.end();
  });

export const chunkedAnswer =
  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nsum: 1\r\n\r\n";

/** Each byte in a packet of its own, as far as the kernel lets them go alone. */
export const chunkedInSingleBytes = () =>
  rawServer((socket) => {
    socket.setNoDelay(true);
    let at = 0;
    const next = () => {
      socket.write(chunkedAnswer[at++]!);
      if (at < chunkedAnswer.length) setImmediate(next);
    };
    next();
  });

export const answersTwice = () => answers(okAnswer + okAnswer);

export const speaksNoHttp = () => answers("220 mail.example ESMTP\r\n");

/** A port that nobody listens on. */
export function refusingPort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

export const get: PreparedRequest = {
  method: "GET",
  target: "/",
  host: "shop.localhost",
  headerLines: [],
  body: null,
};

/** Two connections, closed loop, no warm-up. */
export function planFor(port: number, overrides: Partial<LoadPlan> = {}): LoadPlan {
  return {
    hostname: "127.0.0.1",
    port,
    requests: [get],
    transport: "http",
    concurrency: 2,
    ratePerS: null,
    durationMs: 5000,
    warmUpMs: 0,
    clientTimeoutMs: 5000,
    seed: 1,
    ...overrides,
  };
}
