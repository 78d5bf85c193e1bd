/** An app that does what a test needs to see of the edge, and notes what becomes of its requests. */

const notes: string[] = [];
const note = (what: string) => void notes.push(what);

/** Pieces of a long body. Bytes. */
const pieceBytes = 64 * 1024;

export default {
  fetch(request: Request, server: Bun.Server<undefined>): Response | Promise<Response> | undefined {
    const url = new URL(request.url);
    const key = url.searchParams.get("key") ?? "";
    const count = Number(url.searchParams.get("count") ?? 0);
    switch (url.pathname) {
      case "/notes":
        return new Response(String(notes.filter((what) => what === key).length));
      case "/version":
        return Bun.sleep(count).then(() => new Response(process.env["VERSION"] ?? "none"));
      case "/drips":
        return new Response(drip(Number.POSITIVE_INFINITY));
      case "/after":
        return Bun.sleep(count).then(() => new Response("after"));
      case "/never":
        note(`${key} started`);
        request.signal.addEventListener("abort", () => note(`${key} aborted`));
        return new Promise<Response>(() => {});
      case "/bytes":
        return new Response("x".repeat(count));
      case "/long":
        return new Response(pieces(count, key));
      case "/first":
        return new Response(first(key));
      case "/drip":
        return new Response(drip(1));
      case "/some":
        return some(request, count);
      case "/unread":
        return new Response("not read");
      case "/all":
        return request.bytes().then(({ length }) => new Response(String(length)));
      case "/own-id":
        return new Response("mine", { headers: { "x-request-id": "my-own" } });
      case "/forwarded-for":
        return new Response(request.headers.get("x-forwarded-for"));
      case "/exit":
        return process.exit(3);
      case "/socket":
        return server.upgrade(request) ? undefined : new Response("no socket", { status: 400 });
      default:
        return new Response("hello");
    }
  },
  websocket: {
    /** Answers with as many bytes as the message says, in small messages. */
    message(socket: Bun.ServerWebSocket<undefined>, message: string | Buffer) {
      for (let left = Number(message); left > 0; left -= 1000) socket.send("y".repeat(1000));
    },
  },
};

/** So many bytes, each piece made when it is asked for; notes each, and the cancel. */
function pieces(count: number, key: string): ReadableStream {
  let left = count;
  return new ReadableStream({
    pull(controller) {
      note(`${key} pulled`);
      controller.enqueue(new Uint8Array(Math.min(left, pieceBytes)).fill(0x78));
      left -= pieceBytes;
      if (left <= 0) controller.close();
    },
    cancel() {
      note(`${key} cancelled`);
    },
  });
}

/** One piece, and then silence. */
function first(key: string): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue("first ");
    },
    cancel() {
      note(`${key} cancelled`);
    },
  });
}

/** A piece, and so many more after a while each. */
async function* drip(count: number): AsyncGenerator<string> {
  yield "drip ";
  for (let left = count; left > 0; left--) {
    await Bun.sleep(count === 1 ? 500 : 10);
    yield "drop";
  }
}

/** Reads at least so many bytes of the body, and answers. */
async function some(request: Request, count: number): Promise<Response> {
  const reader = request.body!.getReader();
  let bytes = 0;
  while (bytes < count) bytes += (await reader.read()).value?.length ?? count;
  return new Response("enough");
}
