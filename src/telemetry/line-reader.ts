/**
 * Turns the bytes a process prints into lines. Bytes come in pieces that may end anywhere, also inside a character.
 *
 * The runner can say which request a line belongs to: the line then starts with the byte 0x1e, the request's id and the
 * byte 0x1f. That prefix is taken off; a malformed one is text like any other.
 */
import { invariant } from "../base/errors.ts";
import { requestIdCharactersMax, unfinishedLineKeptBytes } from "./limits.ts";

export interface OutputLine {
  /** Without its line end. Bytes that are no UTF-8 became U+FFFD; control characters are as printed. */
  text: string;
  requestId: string | null;
}

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const PREFIX_START = 0x1e;
const PREFIX_END = 0x1f;

export class LineReader {
  readonly #lineBytesMax: number;
  readonly #onLine: (line: OutputLine) => void;
  /** An unfinished line is the first `#length` bytes; they include its prefix. */
  #unfinished = Buffer.alloc(0);
  #length = 0;
  /** The line is the rest of one that was too long; it belongs to the same request and has no prefix of its own. */
  #isRest = false;
  #restRequestId: string | null = null;

  /**
   * @param lineBytesMax a longer line is given in pieces, none of which ends inside a character. 256 or more.
   * @param onLine is called in order, from within `push` and `end`.
   */
  constructor(lineBytesMax: number, onLine: (line: OutputLine) => void) {
    invariant(lineBytesMax >= 256, "lineBytesMax leaves room for a prefix");
    this.#lineBytesMax = lineBytesMax;
    this.#onLine = onLine;
  }

  /**
   * Takes the next bytes, or the first of them up to the end of line number `linesMax`. They are not kept: the caller may
   * use the memory again.
   *
   * @returns how many bytes were taken.
   */
  push(bytes: Uint8Array, linesMax = Number.POSITIVE_INFINITY): number {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (let lines = 0; start < piece.length && lines < linesMax; lines++) {
      const lineFeed = piece.indexOf(LINE_FEED, start);
      const end = lineFeed === -1 ? piece.length : lineFeed;
      if (this.#length === 0 && lineFeed !== -1 && end - start <= this.#lineBytesMax) {
        this.#give(piece, start, end, true); // the usual case, without a copy
      } else {
        this.#append(piece, start, end);
        if (lineFeed !== -1) this.#finish();
      }
      start = end + 1;
    }
    return Math.min(start, piece.length);
  }

  /** The output has ended: gives the unfinished line, if there is one. */
  end(): void {
    if (this.#length > 0) this.#finish();
    this.#isRest = false;
  }

  #append(piece: Buffer, start: number, end: number): void {
    while (start < end) {
      const take = Math.min(end - start, this.#lineBytesMax - this.#length);
      this.#reserve(this.#length + take);
      piece.copy(this.#unfinished, this.#length, start, start + take);
      this.#length += take;
      start += take;
      // Full, and more of the line is known to follow.
      if (this.#length === this.#lineBytesMax && start < end) this.#split();
    }
  }

  /** Gives what there is of a line that is too long, and keeps the start of a character that was cut. */
  #split(): void {
    const cut = wholeCharacters(this.#unfinished, this.#length);
    this.#give(this.#unfinished, 0, cut, false);
    this.#unfinished.copyWithin(0, cut, this.#length);
    this.#length -= cut;
  }

  #finish(): void {
    const length = this.#length;
    this.#length = 0;
    this.#give(this.#unfinished, 0, length, true);
    if (this.#unfinished.length > unfinishedLineKeptBytes) this.#unfinished = Buffer.alloc(0);
  }

  #give(buffer: Buffer, start: number, end: number, isWhole: boolean): void {
    let textStart = start;
    let requestId = this.#isRest ? this.#restRequestId : null;
    if (!this.#isRest && buffer[start] === PREFIX_START) {
      const prefixEnd = findPrefixEnd(buffer, start, end);
      if (prefixEnd !== -1) {
        requestId = buffer.toString("latin1", start + 1, prefixEnd);
        textStart = prefixEnd + 1;
      }
    }
    const textEnd =
      isWhole && end > textStart && buffer[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    const wasRest = this.#isRest;
    this.#isRest = !isWhole;
    this.#restRequestId = requestId;
    // A line of exactly the longest length was split before its end was seen.
    if (wasRest && textStart === textEnd) return;
    this.#onLine({ text: buffer.toString("utf8", textStart, textEnd), requestId });
  }

  #reserve(bytes: number): void {
    if (this.#unfinished.length >= bytes) return;
    const grown = Buffer.allocUnsafe(
      Math.min(Math.max(bytes, this.#unfinished.length * 2, 256), this.#lineBytesMax),
    );
    this.#unfinished.copy(grown, 0, 0, this.#length);
    this.#unfinished = grown;
  }
}

/** Index of the byte that ends a well-formed prefix, or -1. */
function findPrefixEnd(buffer: Buffer, start: number, end: number): number {
  const last = Math.min(end, start + 2 + requestIdCharactersMax);
  for (let at = start + 1; at < last; at++) {
    const byte = buffer[at]!;
    if (byte === PREFIX_END) return at > start + 1 ? at : -1;
    if (byte < 0x21 || byte > 0x7e) return -1;
  }
  return -1;
}

/** How many of the first `length` bytes are whole characters, when what follows them is not known. */
function wholeCharacters(buffer: Buffer, length: number): number {
  // The first byte of a character says how many bytes it has; the others start with the bits 10.
  for (let back = 1; back <= 3 && back < length; back++) {
    const byte = buffer[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return size > back ? length - back : length;
  }
  return length;
}

/**
 * Reads a pipe of a process to its end, and what is left of its last line.
 *
 * @param signal ends the reading early: something outside of the process may hold the other end open
 */
export async function readLines(
  pipe: ReadableStream<Uint8Array>,
  lines: LineReader,
  signal: AbortSignal,
): Promise<void> {
  const reader = pipe.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", cancel);
  if (signal.aborted) cancel();
  try {
    for (;;) {
      const { value } = await reader.read();
      if (value === undefined) break;
      lines.push(value);
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
  lines.end();
}
