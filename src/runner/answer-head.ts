/** The head of a response, on its way from a `Response` to the wire. */
import { FLAG_CLOSE, FrameType } from "../wire/frames.ts";
import { responseHeadBytesMax } from "../wire/limits.ts";
import { isFieldName, isFieldValue, RESPONSE_FIXED_BYTES } from "../wire/response-head.ts";
import { addedLinesBytesMax } from "./limits.ts";
import { isDecoded, linesOf } from "./response-source.ts";
import type { ServerStream } from "./server-stream.ts";

export interface Head {
  status: number;
  reason: string;
  block: string;
  /** The app's own content-type, or empty. */
  contentType: string;
  hasDisposition: boolean;
  /** The app's own content-length, or -1. */
  declaredBytes: number;
  /** The app has said `connection: close`. */
  wantsClose: boolean;
}

/** The head, or what is wrong with it. `cookies` are `set-cookie` values beside those of the response. */
export function headOf(response: Response, cookies: readonly string[]): Head | string {
  const { status } = response;
  if (status < 200 || status > 999) return `status ${status} cannot end a response`;
  const head: Head = {
    status,
    reason: response.statusText,
    block: "",
    contentType: "",
    hasDisposition: false,
    declaredBytes: -1,
    wantsClose: false,
  };
  if (!isFieldValue(head.reason)) return "its status text has characters that HTTP does not allow";
  const lines = linesOf(response);
  if (lines === undefined) {
    const wrong = readLines(response, head);
    if (wrong !== "") return `its header "${wrong}" has characters that HTTP does not allow`;
  } else {
    head.block = lines.block;
    head.contentType = lines.contentType;
  }
  for (const cookie of cookies) {
    if (!isFieldValue(cookie)) return "a cookie has characters that HTTP does not allow";
    head.block += `set-cookie: ${cookie}\r\n`;
  }
  const bytes = head.block.length + head.reason.length;
  if (bytes > responseHeadBytesMax - addedLinesBytesMax) {
    return `its headers have ${bytes} bytes, more than ${responseHeadBytesMax - addedLinesBytesMax}`;
  }
  return head;
}

/** Asks the response for its lines. Returns the name of one that cannot be written, or nothing. */
function readLines(response: Response, head: Head): string {
  const decoded = isDecoded(response);
  let wrong = "";
  response.headers.forEach((value, name) => {
    switch (name) {
      case "connection":
        head.wantsClose = value.toLowerCase() === "close";
        return;
      case "keep-alive":
      case "transfer-encoding":
      case "upgrade":
        return;
      case "content-length":
        if (/^[0-9]{1,15}$/.test(value) && !decoded) head.declaredBytes = Number(value);
        return;
      case "content-encoding":
        if (decoded) return;
        break;
      case "content-type":
        head.contentType = value;
        break;
      case "content-disposition":
        head.hasDisposition = true;
        break;
    }
    if (!isFieldName(name) || !isFieldValue(value)) wrong = name.slice(0, 100);
    head.block += `${name}: ${value}\r\n`;
  });
  return wrong;
}

/** Adds a line when it is a valid one; a file's type and name come from outside. */
export function addLine(head: Head, name: string, value: string): void {
  const line = `${name}: ${value}\r\n`;
  if (line.length <= addedLinesBytesMax / 4 && isFieldValue(value)) head.block += line;
}

/** Adds a `content-type`, when there is none. */
export function addType(head: Head, type: string): void {
  if (head.contentType !== "" || type === "") return;
  head.contentType = type;
  addLine(head, "content-type", type);
}

/** Writes the fixed part, the reason and the block; returns where the body goes. */
export function writeHead(
  stream: ServerStream,
  head: Head,
  flags: number,
  contentLength: number,
  bodyBytes: number,
): number {
  const { reason, block } = head;
  const at = stream.begin(
    FrameType.RESPONSE,
    head.wantsClose ? flags | FLAG_CLOSE : flags,
    RESPONSE_FIXED_BYTES + reason.length + block.length + bodyBytes,
    bodyBytes,
  );
  const out = stream.buffer;
  out.writeUInt16LE(head.status, at);
  out.writeUInt16LE(reason.length, at + 2);
  out.writeUInt32LE(block.length, at + 4);
  out.writeDoubleLE(contentLength, at + 8);
  let to = at + RESPONSE_FIXED_BYTES;
  if (reason.length > 0) to += out.latin1Write(reason, to);
  if (block.length > 0) to += out.latin1Write(block, to);
  return to;
}
