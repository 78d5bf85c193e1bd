/** Answers in every way that a soak asks for, and tells what it holds. */
import { heapStats } from "bun:jsc";

const large = "x".repeat(100 * 1024);

export default {
  async fetch(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
    switch (new URL(request.url).pathname) {
      case "/heap": {
        Bun.gc(true);
        const { heapSize, objectCount } = heapStats();
        return Response.json({ heapBytes: heapSize, objects: objectCount });
      }
      case "/echo":
        return Response.json({ bytes: (await request.arrayBuffer()).byteLength });
      case "/large":
        return new Response(large);
      case "/through":
        return new Response(request.body);
      case "/never":
        return new Promise(() => {});
      case "/socket":
        return server.upgrade(request) ? undefined : new Response("no socket", { status: 400 });
      default:
        return new Response("ok");
    }
  },
  websocket: {
    message(socket: Bun.ServerWebSocket<undefined>, message: string | Buffer) {
      socket.send(message);
    },
  },
};
