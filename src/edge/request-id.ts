/** The id of one request, kept as the header line that carries it, so that writing it costs a copy. */
import { REQUEST_ID_LINE_BYTES, type TraceLines } from "./trace-lines.ts";

const NAME = "x-request-id: ";
/** What a client may send; see `isTokenRequestId`. */
const idBytesMax = 64;

export class RequestId {
  /** Made with the first id: a connection may never send a request. */
  #line: Buffer | null = null;
  #bytes = 0;
  /** It is the current one of those that are made: its line can be taken from there. */
  isMadeNow = false;

  /** There is no id. */
  clear(): void {
    this.#bytes = 0;
  }

  /** Takes the current one of those that are made. */
  take({ buffer, at }: TraceLines): void {
    this.#line ??= newLine();
    this.#bytes = buffer.copy(this.#line, 0, at, at + REQUEST_ID_LINE_BYTES);
    this.isMadeNow = true;
  }

  /** Takes the client's own, of at most 64 bytes. */
  set(id: string): void {
    this.isMadeNow = false;
    this.#line ??= newLine();
    this.#bytes = NAME.length + this.#line.latin1Write(`${id}\r\n`, NAME.length);
  }

  /** Writes the line; nothing when there is no id. Returns where it ends. */
  writeLine(out: Buffer, at: number): number {
    return this.#bytes === 0 ? at : at + this.#line!.copy(out, at, 0, this.#bytes);
  }

  /** Writes a space and the id. Returns where they end. */
  write(out: Buffer, at: number): number {
    // The space before it is that of the line.
    return at + this.#line!.copy(out, at, NAME.length - 1, this.#bytes - 2);
  }

  /** The id; empty when there is none. */
  get text(): string {
    return this.#bytes === 0 ? "" : this.#line!.latin1Slice(NAME.length, this.#bytes - 2);
  }
}

function newLine(): Buffer {
  const line = Buffer.allocUnsafeSlow(NAME.length + idBytesMax + 2);
  line.latin1Write(NAME, 0);
  return line;
}
