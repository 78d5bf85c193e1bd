/** A server of `node:http` that does what its path says, on a port that is not PORT. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

const notes: string[] = [];
let count = 0;

type Route = (request: IncomingMessage, response: ServerResponse) => unknown;

const routes: Record<string, Route> = {
  "/": (_request, response) => response.end(`hello ${++count}`),
  "/never": (_request, response) => response.on("close", () => notes.push("never closed")),
  "/exit": () => process.exit(3),
  "/kill": () => process.kill(process.pid, "SIGKILL"),
  "/throw": () => {
    throw new Error("thrown in a request");
  },
  "/loop": () => {
    const endAtMs = Date.now() + 60_000;
    while (Date.now() < endAtMs);
  },
  "/half": (_request, response) => {
    response.writeHead(200, { "content-length": "10" });
    response.write("12345");
    setTimeout(() => process.exit(3), 20);
  },
  "/drip": (_request, response) => {
    response.write("drip ");
    setTimeout(() => response.end("drop"), 300);
  },
  "/digest": async (request, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const piece of request) {
      bytes += piece.length;
      hash.update(piece);
    }
    // Now and then an app is done with a connection.
    if (bytes % 7 === 0) response.setHeader("connection", "close");
    response.end(`${bytes} ${hash.digest("hex")}`);
  },
  "/bytes": (request, response) => {
    const bytes = Number(request.url!.split("?")[1]);
    if (bytes % 2 === 0) response.setHeader("content-length", bytes);
    response.end(Buffer.alloc(bytes, "b"));
  },
  "/notes": (_request, response) => response.end(JSON.stringify(notes)),
};

const server = createServer((request, response) => {
  routes[request.url!.replace(/\?.*/, "")]!(request, response);
});
server.keepAliveTimeout = Number(process.env["KEEP_ALIVE_MS"] ?? 5000);
server.listen(8123, "127.0.0.1", () => console.log("ready"));
process.on("SIGTERM", () => server.close(() => process.exit(0)));
