/**
 * The probe app as a program with a server of `node:http`, as a framework would make one: it turns what that gives it into a
 * Request, and what the handler returns into calls of `writeHead`, `write` and `end`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Server } from "bun";
import { nodeSockets } from "./node-sockets.ts";
import { probe } from "./probe.ts";
import type { SocketData } from "./sockets.ts";

const server = createServer((incoming, outgoing) => {
  answer(incoming, outgoing).catch((error) => {
    console.error(error);
    if (outgoing.headersSent) return outgoing.destroy();
    for (const name of outgoing.getHeaderNames()) outgoing.removeHeader(name);
    outgoing.writeHead(500, "Internal Server Error").end("the handler failed");
  });
});
server.on("upgrade", nodeSockets);
server.listen(Number(process.env["PORT"]), "127.0.0.1", () => {
  console.log(`listening on ${(server.address() as AddressInfo).port}`);
});

async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const closed = new AbortController();
  outgoing.on("close", () => outgoing.writableFinished || closed.abort());
  const request = requestOf(incoming, closed.signal);
  const response = await probe(request, addressesOf(incoming));
  if (!(response instanceof Response)) throw new TypeError("the handler returned no Response");
  const { status, statusText } = response;
  outgoing.statusCode = status;
  if (statusText !== "") outgoing.statusMessage = statusText;
  for (const [name, value] of response.headers) {
    if (name !== "set-cookie") outgoing.setHeader(name, value);
  }
  // As Bun.serve does for a text.
  if (response.body !== null && !outgoing.hasHeader("content-type")) {
    outgoing.setHeader("content-type", "text/plain;charset=utf-8");
  }
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) outgoing.setHeader("set-cookie", cookies);
  outgoing.flushHeaders();
  await sendBody(response, outgoing);
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = "GET", rawHeaders, headers } = incoming;
  const url = `http://${headers.host}${incoming.url}`;
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? bodyOf(incoming) : null;
  const request = new Request(url, { method: "POST", body, signal, duplex: "half" } as RequestInit);
  for (let index = 0; index < rawHeaders.length; index += 2) {
    request.headers.append(rawHeaders[index]!, rawHeaders[index + 1]!);
  }
  // A Request knows the usual methods only.
  Object.defineProperty(request, "method", { value: method });
  return request;
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  const pieces = incoming[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
  });
}

/** The part of a server that the probe asks. */
function addressesOf({ socket }: IncomingMessage): Server<SocketData> {
  const { remoteAddress = "", remotePort = 0 } = socket;
  return {
    requestIP: () => ({ address: remoteAddress, port: remotePort }),
    upgrade: () => false,
  } as unknown as Server<SocketData>;
}

async function sendBody(response: Response, outgoing: ServerResponse): Promise<void> {
  const reader = response.body?.getReader();
  outgoing.on("close", () => outgoing.writableFinished || reader?.cancel().catch(() => {}));
  while (reader !== undefined && !outgoing.destroyed) {
    const { done, value } = await reader.read();
    if (done) break;
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    if (!outgoing.write(bytes)) {
      await new Promise<void>((resolve) => {
        outgoing.once("drain", resolve);
        outgoing.once("close", resolve);
      });
    }
  }
  outgoing.end();
}
