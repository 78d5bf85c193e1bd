/**
 * The other side of a case, on the node's own Bun: a server for its clients, and a client for its servers. Prints its port.
 * Ends with its parent.
 */
import { driveLongPolls, driveWebSockets, leave, post, stopProcess } from "./peer-clients.ts";

/** Connections that wait for an answer which does not come. */
let silent = 0;

const stored = new Map<number, Uint8Array<ArrayBuffer>>();

function bytesOf(count: number): Uint8Array<ArrayBuffer> {
  const found = stored.get(count) ?? new Uint8Array(count).fill(65);
  stored.set(count, found);
  return found;
}

const DRIVERS: Readonly<Record<string, (asked: never) => Promise<object>>> = {
  "/post": post,
  "/long-polls": driveLongPolls,
  "/web-sockets": driveWebSockets,
  "/leave": leave,
  "/stop-process": stopProcess,
  "/silent-count": async () => ({ silent }),
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  async fetch(request): Promise<Response> {
    const { pathname } = new URL(request.url);
    // As S3 has it, a bucket's name comes first.
    const bytes = /\/bytes\/(\d{1,9})\//.exec(pathname)?.[1];
    if (bytes !== undefined)
      return new Response(bytesOf(Number(bytes)), { headers: { etag: '"a"' } });
    if (pathname === "/silent") {
      silent += 1;
      request.signal.addEventListener("abort", () => {
        silent -= 1;
      });
      return new Promise<Response>(() => {});
    }
    if (pathname === "/stalls") return new Response(stalling());
    const drive = Object.hasOwn(DRIVERS, pathname) ? DRIVERS[pathname] : undefined;
    if (drive === undefined) return new Response(null, { status: 404 });
    return Response.json(await drive((await request.json()) as never));
  },
  error: (error) => new Response(String(error), { status: 500 }),
});

/** Begins, and does not go on. */
function stalling(): ReadableStream {
  return new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(16)) });
}

console.log(server.port);
