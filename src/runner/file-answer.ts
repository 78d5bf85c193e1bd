/**
 * What `Bun.serve` does with a Response made of `Bun.file(…)`: its size, a part of it when the client asks for one, and a
 * name for what a browser would save.
 */
import { known, streamed, text } from "./answer-body.ts";
import { addLine, type Head } from "./answer-head.ts";
import { inlineBodyBytesMax } from "./limits.ts";
import type { ServerStream } from "./server-stream.ts";

/** A part of a file; both ends are included. */
export interface ByteRange {
  first: number;
  last: number;
}

/** Where in its file a slice starts. Bytes. */
const sliceStarts = new WeakMap<Blob, number>();

/**
 * Remembers which blobs are slices. Nothing else tells a slice from its file, and to ask a `Bun.file` for its size would
 * fix that size for the app too. Call it once, before any code of the app's is loaded.
 */
export function watchSlices(): void {
  const { slice } = Blob.prototype;
  Blob.prototype.slice = function sliceAndNote(this: Blob, ...range: Parameters<Blob["slice"]>) {
    const part = slice.apply(this, range);
    const [from = 0] = range;
    if (!isFile(this) || typeof from !== "number") return part;
    const start = Math.min(from < 0 ? Math.max(this.size + from, 0) : from, this.size);
    if (start > 0 || part.size < this.size) {
      sliceStarts.set(part, start + (sliceStarts.get(this) ?? 0));
    }
    return part;
  };
}

/** A Blob in memory says this as its time; a file has one of its own. */
const timeOfBlobs = (new Blob() as File).lastModified;

/** Whether `blob` is a `Bun.file`, or a slice of one; the class of both is Blob. */
export function isFile(blob: Blob): blob is Bun.BunFile {
  if (blob instanceof File) return false;
  // One that was made of a file descriptor has no name.
  return (blob as File).name !== undefined || (blob as File).lastModified !== timeOfBlobs;
}

/**
 * The part that a `range` header asks of `size` bytes: null for all of it, also when there are several parts or the header
 * makes no sense (RFC 9110, 14.2); `unsatisfiable` when it begins behind the end.
 */
export function rangeOf(header: string | null, size: number): ByteRange | "unsatisfiable" | null {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "") ?? [];
  if (from === undefined || to === undefined || (from === "" && to === "")) return null;
  if (from === "") {
    const bytes = Math.min(Number(to), size);
    return bytes === 0 ? "unsatisfiable" : { first: size - bytes, last: size - 1 };
  }
  const first = Number(from);
  const last = to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (first >= size) return "unsatisfiable";
  return last < first ? null : { first, last };
}

/** Types that a browser shows; other files get their name along. */
const SHOWN = /^(text|image|video|audio|font)\/|^application\/(json|javascript|wasm)\b/;

/** The `content-disposition` that Bun adds, or null. */
function dispositionOf(file: Bun.BunFile, contentType: string): string | null {
  if (SHOWN.test(contentType) || typeof file.name !== "string") return null;
  const name = file.name.slice(file.name.lastIndexOf("/") + 1);
  // A name that would need quoting is left out rather than guessed.
  return /^[\w .()+,@~-]+$/.test(name) ? `filename="${name}"` : null;
}

/** Answers with a file or a slice of one. Rejects while nothing was sent, above all when there is no such file. */
export async function answerFile(
  stream: ServerStream,
  head: Head,
  source: Bun.BunFile,
  request: Request,
): Promise<void> {
  const facts = await source.stat();
  // It opens, and only reading it would fail.
  if (facts.isDirectory()) throw isDirectory();
  let part = source;
  let bytes = facts.isFile() ? facts.size : -1;
  const sliceStart = sliceStarts.get(source);
  if (sliceStart !== undefined) {
    // To Bun, and so to apps that rely on it, a slice is the answer to a range.
    setStatus(head, 206);
    bytes = sliceBytes(source, sliceStart, facts.size);
    addLine(head, "content-range", `bytes ${sliceStart}-${sliceStart + Math.max(bytes - 1, 0)}/*`);
  } else if (bytes >= 0 && head.status === 200 && typeof source.name === "string") {
    const range = askedRange(request, bytes);
    if (range !== null) {
      addLine(head, "accept-ranges", "bytes");
      if (range === "unsatisfiable") {
        setStatus(head, 416);
        addLine(head, "content-range", `bytes */${bytes}`);
        return text(stream, head, "");
      }
      setStatus(head, 206);
      addLine(head, "content-range", `bytes ${range.first}-${range.last}/${bytes}`);
      bytes = range.last - range.first + 1;
      part = Bun.file(source.name).slice(range.first, range.last + 1);
    }
  }
  const disposition = head.hasDisposition ? null : dispositionOf(source, head.contentType);
  if (disposition !== null) addLine(head, "content-disposition", disposition);
  if (facts.isFile() && facts.size <= inlineBodyBytesMax) {
    return known(stream, head, new Uint8Array(await part.arrayBuffer()));
  }
  head.declaredBytes = bytes;
  streamed(stream, head, part.stream());
}

/** How long a body of `blob` is; -1 when only its end tells. Rejects when there is no such file. */
export async function blobBytes(blob: Blob): Promise<number> {
  if (!isFile(blob)) return blob.size;
  const facts = await blob.stat();
  const sliceStart = sliceStarts.get(blob);
  if (sliceStart !== undefined) return sliceBytes(blob, sliceStart, facts.size);
  return facts.isFile() ? facts.size : -1;
}

/** A slice may reach beyond the end of its file. */
function sliceBytes(slice: Blob, start: number, fileBytes: number): number {
  return Math.max(Math.min(slice.size, fileBytes - start), 0);
}

function setStatus(head: Head, status: number): void {
  head.status = status;
  head.reason = "";
}

function askedRange(request: Request, bytes: number): ByteRange | "unsatisfiable" | null {
  if (request.method !== "GET" || request.headers.has("if-range")) return null;
  return rangeOf(request.headers.get("range"), bytes);
}

function isDirectory(): Error {
  return Object.assign(new Error("EISDIR: the file of the body is a directory"), {
    code: "EISDIR",
  });
}
