/**
 * Sends a large file, or a part of it, a piece at a time: the next one is read when the client has taken the one before.
 *
 *   opening ──▶ reading ⇄ waiting for the client ──▶ ended
 *      any of them ──cancel()──▶ ended      a read that is under way ends first
 */
import { close, constants, open, read } from "node:fs";
import { pieceBuffersMax, pieceBytesMax } from "./limits.ts";

/** Where the pieces go. */
export interface FeedSink {
  /** The file is open: the head may be written. */
  onOpen(): void;
  /** Bytes in front of `start` may be overwritten. `buffer` is only valid during the call. */
  onPiece(buffer: Buffer, start: number, end: number, ended: boolean): void;
  /** The disk has something against it. Nothing follows. */
  onFailed(error: unknown): void;
}

/** In front of each piece, for the frame around it. Bytes. */
const roomBytes = 1024;

const spareBuffers: Buffer[] = [];

export class FileFeed {
  readonly #path: string;
  readonly #sink: FeedSink;
  readonly #end: number;
  #at: number;
  #fd: number | null = null;
  #isReading = false;
  #isOver = false;
  /** Bytes that the client has not taken yet. */
  #untakenBytes = 0;

  /** Reads `[start, end)` of a file. `start()` begins. */
  constructor(path: string, start: number, end: number, sink: FeedSink) {
    this.#path = path;
    this.#at = start;
    this.#end = end;
    this.#sink = sink;
  }

  start(): void {
    open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW, (error, fd) => {
      if (error !== null) return this.#isOver ? undefined : this.#fail(error);
      this.#fd = fd;
      if (this.#isOver) return this.#close();
      this.#sink.onOpen();
      this.#read();
    });
  }

  /** The client has taken so many bytes. */
  granted(bytes: number): void {
    this.#untakenBytes -= bytes;
    if (this.#untakenBytes <= 0) this.#read();
  }

  /** Nobody wants it any more. Twice is safe. */
  cancel(): void {
    this.#isOver = true;
    if (!this.#isReading) this.#close();
  }

  #read(): void {
    if (this.#isOver || this.#isReading || this.#fd === null) return;
    const wanted = Math.min(this.#end - this.#at, pieceBytesMax);
    const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(roomBytes + pieceBytesMax);
    this.#isReading = true;
    read(this.#fd, buffer, roomBytes, wanted, this.#at, (error, bytesRead) => {
      this.#isReading = false;
      if (this.#isOver) this.#close();
      else if (error !== null) this.#fail(error);
      else if (bytesRead === 0) this.#fail(new Error(`${this.#path} ends at ${this.#at} bytes`));
      else this.#give(buffer, bytesRead);
      if (spareBuffers.length < pieceBuffersMax) spareBuffers.push(buffer);
    });
  }

  #give(buffer: Buffer, bytes: number): void {
    this.#at += bytes;
    this.#untakenBytes += bytes;
    const ended = this.#at === this.#end;
    if (ended) this.cancel();
    this.#sink.onPiece(buffer, roomBytes, roomBytes + bytes, ended);
  }

  #fail(error: unknown): void {
    this.cancel();
    this.#sink.onFailed(error);
  }

  #close(): void {
    const fd = this.#fd;
    this.#fd = null;
    // What it says about the end of a file that was only read changes nothing.
    if (fd !== null) close(fd, () => {});
  }
}
