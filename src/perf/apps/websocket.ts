/** Sends every message back; a plain request gets "ok". */
export default {
  fetch(request: Request, server: Bun.Server<undefined>): Response | undefined {
    if (server.upgrade(request)) return undefined;
    return new Response("ok");
  },
  websocket: {
    message(socket: Bun.ServerWebSocket<undefined>, message: string | Buffer): void {
      socket.send(message);
    },
  },
};
