/** WebSockets of the probe app in its shape of `node:http`, by the package `ws`, which Bun has built in. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
// @ts-expect-error: Bun's own comes without types
import { WebSocketServer } from "ws";
import { notes } from "./notes.ts";

interface Socket {
  on(event: string, run: (data: Uint8Array, isBinary: boolean) => void): void;
  send(data: unknown, options?: { binary: boolean }): void;
  close(code: number, reason: string): void;
}

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: () => "levain.v2",
});
sockets.on("headers", (lines: string[], request: IncomingMessage) => {
  if (request.url?.startsWith("/ws/cookie")) lines.push("Set-Cookie: socket=1", "X-Upgraded: yes");
});

export function nodeSockets(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const url = new URL(request.url ?? "/", "http://probe");
  const key = url.searchParams.get("key") ?? "";
  if (url.pathname === "/ws/refuse") return refuse(socket, "403 Forbidden", "not today");
  if (!url.pathname.startsWith("/ws/")) return refuse(socket, "404 Not Found", "no socket");
  sockets.handleUpgrade(request, socket, head, (opened: Socket) => {
    notes.add(`${key}:open`);
    if (url.pathname === "/ws/greet") opened.send("welcome");
    opened.on("message", (data, isBinary) => opened.send(data, { binary: isBinary }));
    opened.on("error", () => notes.add(`${key}:error`));
    opened.on("close", () => notes.add(`${key}:close`));
  });
}

/** Whoever has the socket writes the answer. */
function refuse(socket: Duplex, status: string, body: string): void {
  const date = new Date().toUTCString();
  const lines = `Connection: close\r\nDate: ${date}\r\nContent-Length: ${body.length}`;
  socket.end(`HTTP/1.1 ${status}\r\n${lines}\r\n\r\n${body}`);
}
