/** What a soak asks, shape by shape: everything that a client can do to a lane many times. */
import type { SoakClient } from "./soak-client.ts";

export interface Shape {
  name: string;
  /** Which app is asked, and whose process is looked at. */
  app: "app" | "ephemeral" | "hasty";
  /** Of all the requests that a soak is told, this share: the slow ones fewer. */
  share: number;
  /** At once. */
  clients: number;
  /** Asks once; false when it was not answered as it should be. */
  ask(client: SoakClient, port: number): Promise<boolean>;
}

export const shapes: readonly Shape[] = [
  answered("warm GET", "app", 1, 50, 200, "GET / HTTP/1.1"),
  answered("ephemeral GET", "ephemeral", 1, 10, 200, "GET / HTTP/1.1"),
  answered("POST 1 KiB", "app", 0.5, 50, 200, "POST /echo HTTP/1.1", "x".repeat(1024)),
  answered("answer of 100 KiB", "app", 0.1, 50, 200, "GET /large HTTP/1.1"),
  {
    name: "stream through the app",
    app: "app",
    share: 0.05,
    clients: 10,
    ask: async (client) => (await client.ask(chunkedRequest)) === 200,
  },
  aborts("aborted while it waits", "GET /never HTTP/1.1", false),
  aborts("aborted in its body", "POST /echo HTTP/1.1\r\nContent-Length: 1000", false),
  aborts("aborted in its answer", "GET /large HTTP/1.1", true),
  { name: "WebSocket", app: "app", share: 0.05, clients: 20, ask: webSocket },
  {
    ...answered("unknown host", "app", 0.2, 50, 404, "GET / HTTP/1.1"),
    ask: async (client) => (await client.ask(bytesOf("GET / HTTP/1.1", "nobody"))) === 404,
  },
  answered("timed out", "hasty", 0.01, 100, 504, "GET /never HTTP/1.1"),
];

function bytesOf(lines: string, app: string, body = ""): Buffer {
  const length = body === "" ? "" : `\r\nContent-Length: ${body.length}`;
  return Buffer.from(`${lines}\r\nHost: ${app}.localhost${length}\r\n\r\n${body}`);
}

function answered(
  name: string,
  app: Shape["app"],
  share: number,
  clients: number,
  status: number,
  line: string,
  body = "",
): Shape {
  const request = bytesOf(line, app, body);
  return {
    name,
    app,
    share,
    clients,
    ask: async (client) => (await client.ask(request)) === status,
  };
}

function aborts(name: string, lines: string, waits: boolean): Shape {
  const request = bytesOf(lines, "app");
  return {
    name,
    app: "app",
    share: 0.05,
    clients: 10,
    ask: async (client) => {
      await client.abort(request, waits);
      return true;
    },
  };
}

/** 128 KiB in chunks of 16. */
const chunkedRequest = Buffer.concat([
  bytesOf("POST /through HTTP/1.1\r\nTransfer-Encoding: chunked", "app"),
  ...Array.from({ length: 8 }, () => Buffer.from(`4000\r\n${"y".repeat(0x4000)}\r\n`)),
  Buffer.from("0\r\n\r\n"),
]);

/** Opens, says something, hears it again, closes. */
function webSocket(_client: SoakClient, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`, {
    headers: { host: "app.localhost" },
  } as never);
  let heard = "";
  socket.onopen = () => socket.send("hello");
  socket.onmessage = ({ data }) => {
    heard = String(data);
    socket.close(1000);
  };
  socket.onclose = ({ code }) => resolve(code === 1000 && heard === "hello");
  return promise;
}
