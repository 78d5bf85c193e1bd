/**
 * The app behind the corpus: one handler, used by all shapes. It answers each path with one feature of HTTP as an app
 * can use it, and it keeps notes (marks) about what reached it, so that a test can ask what did not.
 */
import type { Server } from "bun";
import { answerBody } from "./bodies.ts";
import { answerEcho } from "./echo.ts";
import { answerHeaders } from "./headers.ts";
import { notes } from "./notes.ts";
import { answerPaced } from "./paced.ts";
import { type SocketData, upgrade } from "./sockets.ts";

export function probe(
  request: Request,
  server: Server<SocketData>,
): Response | Promise<Response> | undefined {
  const url = new URL(request.url);
  const [, area = ""] = url.pathname.split("/", 2);
  switch (area) {
    case "hello":
      return new Response("hello");
    case "marks":
      return notes.answer(url);
    case "mark":
      notes.add(url.pathname);
      return new Response("marked");
    case "ip":
      return answerAddress(request, server);
    case "ws":
      return upgrade(request, server, url);
    case "fail":
      return answerBadly(url.pathname);
  }
  return (
    answerEcho(request, url) ??
    answerBody(request, url) ??
    answerHeaders(request, url) ??
    answerPaced(request, url, notes) ??
    new Response(`nothing at ${url.pathname}`, { status: 404 })
  );
}

function answerAddress(request: Request, server: Server<SocketData>): Response {
  const ip = server.requestIP(request);
  // A server that listens on both families sees IPv4 clients as mapped addresses.
  const address = ip?.address.replace(/^::ffff:/, "");
  return Response.json({ address, hasPort: (ip?.port ?? 0) > 0 });
}

/** What an app does wrong. */
function answerBadly(path: string): Response | Promise<Response> | undefined {
  switch (path) {
    case "/fail/throw":
      throw new Error("thrown on purpose");
    case "/fail/reject":
      return Promise.reject(new Error("rejected on purpose"));
    case "/fail/not-a-response":
      return { status: 200 } as never;
    case "/fail/undefined":
      return undefined;
    case "/fail/throw-a-response":
      throw new Response("thrown response", { status: 418 });
    case "/fail/error-response":
      return Response.error();
    case "/fail/exit":
      return process.exit(3);
    case "/fail/used-body":
      return usedBody();
    default:
      return new Response("no such failure", { status: 404 });
  }
}

async function usedBody(): Promise<Response> {
  const response = new Response("read before it was returned");
  await response.text();
  return response;
}
