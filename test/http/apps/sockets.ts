/** WebSockets of the probe app. The path decides what a socket does; `?key=` names its marks. */
import type { Server, WebSocketHandler } from "bun";
import { notes } from "./notes.ts";

export interface SocketData {
  kind: string;
  key: string;
}

/** What the server takes from one message; larger ones end the connection. Bytes. */
export const messageBytesMax = 256 * 1024;

let running: Server<SocketData> | null = null;

export function upgrade(
  request: Request,
  server: Server<SocketData>,
  url: URL,
): Response | undefined {
  running = server;
  const [, , kind = "echo"] = url.pathname.split("/");
  if (kind === "refuse") return new Response("not today", { status: 403 });
  const data = { kind, key: url.searchParams.get("key") ?? "" };
  const isUpgraded = server.upgrade(request, { data, ...upgradeHeaders(kind) });
  return isUpgraded ? undefined : new Response("no upgrade", { status: 426 });
}

function upgradeHeaders(kind: string): { headers?: Record<string, string> } {
  if (kind === "protocol") return { headers: { "Sec-WebSocket-Protocol": "levain.v2" } };
  if (kind === "cookie") return { headers: { "Set-Cookie": "socket=1", "X-Upgraded": "yes" } };
  return {};
}

export const websocket: WebSocketHandler<SocketData> = {
  maxPayloadLength: messageBytesMax,
  perMessageDeflate: true,
  idleTimeout: 30,
  open(socket) {
    const { kind, key } = socket.data;
    if (kind === "greet") socket.send("welcome");
    if (kind === "flood")
      for (let index = 0; index < 1000; index++) socket.send(`message ${index}`);
    if (kind === "room") socket.subscribe("room");
    if (kind === "bye") socket.close(4001, "bye");
    notes.add(`${key}:open`);
  },
  message(socket, message) {
    const { kind } = socket.data;
    if (kind === "room") {
      // `all` reaches the sender too, anything else only the others.
      if (message === "all") running?.publish("room", "to everyone");
      else socket.publish("room", message);
      return;
    }
    if (kind === "close" && typeof message === "string") {
      const [code = "1000", reason = ""] = message.split(" ", 2);
      socket.close(Number(code), reason);
      return;
    }
    if (kind === "terminate") return socket.terminate();
    if (kind === "throw") throw new Error("thrown in message on purpose");
    if (kind === "deflate") return void socket.send(message, true);
    if (kind === "size") return void socket.send(String(message.length));
    if (kind === "ping-me") return void socket.ping(message);
    socket.send(message);
  },
  ping(socket, data) {
    notes.add(`${socket.data.key}:ping ${data}`);
  },
  pong(socket, data) {
    notes.add(`${socket.data.key}:pong ${data}`);
  },
  close(socket, code, reason) {
    notes.add(`${socket.data.key}:close`);
    notes.add(`${socket.data.key}:close ${code} ${reason}`);
  },
};
