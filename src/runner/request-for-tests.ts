/** What a test asks a runner, and its head as the edge would write it. */
import { requestLine } from "../wire/request-line.ts";

export interface RequestOptions {
  method?: string;
  headers?: Record<string, string> | [string, string][];
  /** Travels with the head. */
  body?: string | Uint8Array;
  /** The body follows, by `send` and `sendEnd`. */
  isOpen?: boolean;
  /** Asks for a WebSocket. */
  isUpgrade?: boolean;
  requestId?: string;
  peer?: string;
  /** Lets the runner send on only when the test says `grant`. */
  isSlow?: boolean;
}

export function requestHead(path: string, options: RequestOptions): Buffer {
  const { method = "GET", headers = {}, peer = "192.0.2.1 4711", requestId } = options;
  const host = "app.localhost";
  let text = `${requestLine({ method, target: path, host, requestId, peer })}host: ${host}\r\n`;
  for (const [name, value] of Array.isArray(headers) ? headers : Object.entries(headers)) {
    text += `${name}: ${value}\r\n`;
  }
  if (requestId !== undefined) text += `x-request-id: ${requestId}\r\n`;
  return Buffer.from(text, "latin1");
}
