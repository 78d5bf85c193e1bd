/**
 * Routes without a handler: a Response or a file that is sent to everybody who asks. As in Bun, clients that have it are
 * told so: a Response gets an ETag, a file its time of change.
 */
import { isFile } from "./file-answer.ts";
import { buffered, sourceOf } from "./response-source.ts";

/** ETags by the Response that a route gave. */
const tags = new WeakMap<Response, string>();

/** An answer of its own for each request, or a promise of it; null when the route's file does not exist. */
export function staticAnswer(
  value: Response | Blob,
  request: Request,
): Response | Promise<Response | null> {
  if (value instanceof Blob) {
    return isFile(value) ? fileAnswer(value, new Response(value), request) : new Response(value);
  }
  const source = sourceOf(value);
  if (source instanceof Blob && isFile(source)) return fileAnswer(source, copyOf(value), request);
  const tag = value.headers.get("etag") ?? tags.get(value);
  if (tag !== undefined) return taggedAnswer(value, tag, request);
  if (typeof source === "string" && source !== "") {
    return taggedAnswer(value, rememberTag(value, source), request);
  }
  if (source !== buffered) return copyOf(value);
  const bytes = copyOf(value).bytes();
  return bytes.then((body) => taggedAnswer(value, rememberTag(value, body), request));
}

function rememberTag(value: Response, body: string | Uint8Array): string {
  const hash = Bun.hash.xxHash64(body as string | NodeJS.TypedArray);
  const tag = `"${hash.toString(16).padStart(16, "0")}"`;
  tags.set(value, tag);
  return tag;
}

function taggedAnswer(value: Response, tag: string, request: Request): Response {
  const answer = copyOf(value);
  answer.headers.set("etag", tag);
  if (typeof sourceOf(value) === "string" && !answer.headers.has("content-type")) {
    answer.headers.set("content-type", "text/plain;charset=utf-8");
  }
  const asked = isRead(request) ? request.headers.get("if-none-match") : null;
  if (asked === null || value.status !== 200) return answer;
  const known = asked.split(",").map((entry) => entry.trim().replace(/^W\//, ""));
  return known.includes(tag) || known.includes("*") ? unchanged(answer) : answer;
}

async function fileAnswer(
  file: Bun.BunFile,
  answer: Response,
  request: Request,
): Promise<Response | null> {
  const facts = await file.stat().catch(() => null);
  if (facts === null || facts.isDirectory()) return null;
  if (answer.status !== 200) return answer;
  answer.headers.set("last-modified", facts.mtime.toUTCString());
  const since = Date.parse(isRead(request) ? (request.headers.get("if-modified-since") ?? "") : "");
  // HTTP knows whole seconds.
  return since >= Math.floor(facts.mtimeMs / 1000) * 1000 ? unchanged(answer) : answer;
}

function copyOf(response: Response): Response {
  return response.clone() as Response;
}

function isRead({ method }: Request): boolean {
  return method === "GET" || method === "HEAD";
}

function unchanged({ headers }: Response): Response {
  return new Response(null, { status: 304, headers });
}
