/** An app that answers in every way there is. */

const text = (bytes: number) => "x".repeat(bytes);

export default {
  async fetch(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
    const url = new URL(request.url);
    const count = Number(url.searchParams.get("count"));
    switch (url.pathname) {
      case "/bytes":
        return new Response(text(count));
      case "/status":
        return new Response(null, { status: count });
      case "/stream":
        return new Response(stream(count));
      case "/all":
        return new Response(String((await request.bytes()).length));
      case "/after":
        return Bun.sleep(count).then(() => new Response("after"));
      case "/throws":
        throw new Error("as asked");
      case "/breaks":
        return new Response(breaks());
      case "/never":
        return new Promise<Response>(() => {});
      case "/endless":
        return new Response(stream(Number.POSITIVE_INFINITY));
      case "/socket":
        return server.upgrade(request) ? undefined : new Response("no socket", { status: 400 });
      default:
        return new Response("hello");
    }
  },
  websocket: {
    message(socket: Bun.ServerWebSocket<undefined>, message: string | Buffer) {
      socket.send(message);
    },
  },
};

/** So many bytes in pieces of 1000 or less, each after a turn. */
async function* stream(count: number): AsyncGenerator<string> {
  for (let left = count; left > 0; left -= 1000) {
    yield text(Math.min(left, 1000));
    await Bun.sleep(0);
  }
}

async function* breaks(): AsyncGenerator<string> {
  yield "some";
  await Bun.sleep(1);
  throw new Error("as asked");
}
