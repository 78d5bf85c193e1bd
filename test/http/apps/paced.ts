/**
 * Answers whose pace the client sets: they go on when a mark is added (`/marks/add?name=`) from another connection.
 * Every path takes `?key=`; the marks are `<key>:<what>`.
 */
import type { Notes } from "./notes.ts";

export function answerPaced(
  request: Request,
  url: URL,
  notes: Notes,
): Response | Promise<Response> | null {
  const key = url.searchParams.get("key") ?? "";
  switch (url.pathname) {
    case "/paced/stream":
      return new Response(twoPieces(key, notes, "first ", "second"));
    case "/paced/sse":
      return new Response(twoPieces(key, notes, "data: first\n\n", "data: second\n\n"), {
        headers: { "content-type": "text/event-stream", "cache-control": "no-cache" },
      });
    case "/paced/answer":
      notes.add(`${key}:started`);
      return notes.noted(`${key}:go`).then(() => new Response("after go"));
    case "/paced/read":
      return readAfterGo(request, key, notes);
    case "/paced/never":
      request.signal.addEventListener("abort", () => notes.add(`${key}:aborted`));
      notes.add(`${key}:started`);
      return new Promise<never>(() => {});
    case "/paced/quiet":
      request.signal.addEventListener("abort", () => notes.add(`${key}:aborted`));
      return new Response(twoPieces(key, notes, "first ", "second"));
    case "/paced/endless":
      return new Response(endless(request, key, notes));
    case "/paced/first-piece":
      return firstPiece(request, key, notes);
  }
  return null;
}

function twoPieces(key: string, notes: Notes, first: string, second: string): ReadableStream {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(first);
      await notes.noted(`${key}:go`);
      controller.enqueue(second);
      controller.close();
    },
  });
}

/** Takes the request and lets its body wait. */
async function readAfterGo(request: Request, key: string, notes: Notes): Promise<Response> {
  notes.add(`${key}:started`);
  await notes.noted(`${key}:go`);
  let bytes = 0;
  for await (const piece of request.body ?? []) bytes += piece.length;
  return new Response(String(bytes));
}

/** Gives 64 KiB for each pull, for ever; counts what it gave as `<key>:pulled`. */
function endless(request: Request, key: string, notes: Notes): ReadableStream {
  const piece = new Uint8Array(64 * 1024).fill(0x2e);
  request.signal.addEventListener("abort", () => notes.add(`${key}:aborted`));
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setImmediate(resolve));
      notes.add(`${key}:pulled`);
      controller.enqueue(piece);
    },
    cancel() {
      notes.add(`${key}:cancelled`);
    },
  });
}

/** Answers as soon as the first piece of the body is there, and never reads the rest. */
async function firstPiece(request: Request, key: string, notes: Notes): Promise<Response> {
  const reader = request.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  notes.add(`${key}:read`);
  return new Response(value ?? "no body");
}
