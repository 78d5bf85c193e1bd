/**
 * A request on its way to the app's own server of node:http. The head is written from the lines that the edge has sent; in
 * front of the target stands a mark that tells this request from what the app may send to its own server, and to which
 * request a turn of the app's code belongs.
 *
 *   GET /k3v9x0q2-1z!/path?query HTTP/1.1
 */
import type { BodyReceiver, ServerStream } from "./server-stream.ts";

/** Where its body goes once it has a connection. */
export interface BodySink {
  write(body: Uint8Array): void;
  /** All of the body has been written. */
  finish(): void;
}

export class NodeRequest implements BodyReceiver {
  readonly stream: ServerStream;
  /** In front of its target, and of nothing that anybody else asks for. */
  readonly mark: string;
  /** What came with the head. */
  readonly first: Uint8Array | null;
  /** Nothing comes behind `first`. */
  readonly isWhole: boolean;
  /** Its body has no declared length and has not come whole. */
  readonly isChunked: boolean;
  readonly #hasLength: boolean;
  /** The app's code has it. */
  isDispatched = false;
  /** It was sent on a connection that the app had just closed, and is sent again. */
  isSecondTry = false;
  #sink: BodySink | null = null;
  /** What came before there was a connection; the node sends no more than the window. */
  #pieces: Uint8Array[] = [];
  #hasEnd = false;

  constructor(stream: ServerStream, mark: string, first: Uint8Array | null, isWhole: boolean) {
    this.stream = stream;
    this.mark = mark;
    this.first = first;
    this.isWhole = isWhole;
    this.#hasLength = (first !== null || !isWhole) && /^content-length:/im.test(stream.head.lines);
    this.isChunked = !isWhole && !this.#hasLength;
    if (!isWhole) stream.body = this;
  }

  /** Writes the head at the start of `out`. Returns where it ends. */
  writeHead(out: Buffer): number {
    const { method, target, lines, host } = this.stream.head;
    let head = `${method} ${this.mark}${target} HTTP/1.1\r\n${lines}`;
    // HTTP/1.1 demands one, and a client of HTTP/1.0 may have sent none.
    if (host === "" && !/^host:/im.test(lines)) head += "host: \r\n";
    if (this.stream.asksUpgrade) head += "connection: upgrade\r\n";
    if (this.isChunked) head += "transfer-encoding: chunked\r\n";
    else if (this.first !== null && !this.#hasLength) {
      head += `content-length: ${this.first.length}\r\n`;
    }
    return out.latin1Write(`${head}\r\n`, 0);
  }

  /** The connection that takes its body. */
  set sink(sink: BodySink) {
    this.#sink = sink;
    for (const piece of this.#pieces.splice(0)) sink.write(piece);
    if (this.isWhole || this.#hasEnd) sink.finish();
  }

  // --- what the wire says ---

  push(chunk: Uint8Array): void {
    if (this.#sink === null) this.#pieces.push(chunk);
    else this.#sink.write(chunk);
  }

  end(): void {
    this.#hasEnd = true;
    this.#sink?.finish();
  }

  fail(): void {
    this.#pieces = [];
  }
}
