/**
 * The socket of one client. A small write goes to the kernel at once; what the kernel does not take is kept in order and
 * sent when it takes more. The flow control of the wire bounds how much that can be.
 *
 *   open ──finish()──▶ finished (the client can still send) ──close()──▶ closed
 *     └──reset()──▶ closed
 */

/** The part of a Bun socket that is used. */
export interface RawSocket {
  /** Takes what it can at once; returns the bytes taken, or -1 when closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
  pause(): void;
  resume(): void;
  /** Sends FIN; the other direction stays open. */
  shutdown(): void;
  /** Closes both directions; what the kernel has taken is still delivered. */
  end(): void;
  /** Closes with RST. */
  terminate(): void;
}

/** What is kept of the buffer when it has become empty. Bytes. */
const keptBytes = 16 * 1024;

const nothing = Buffer.alloc(0);

export class ClientSocket {
  readonly #raw: RawSocket;
  /** `#unsent[#start..#end)` waits for the kernel. */
  #unsent: Buffer = nothing;
  #start = 0;
  #end = 0;
  /** `#unsent` is somebody else's, and is only read. */
  #isBorrowed = false;
  #isPaused = false;
  /** Something was written when the connection was gone already. */
  isBroken = false;

  constructor(raw: RawSocket) {
    this.#raw = raw;
  }

  /** Bytes that wait for the client to read. */
  get unsentBytes(): number {
    return this.#end - this.#start;
  }

  /** Nothing is read from the client. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Sends `buffer[start..end)`, which is only valid during the call.
   *
   * @param keptFrom from here on the buffer never changes, so that what has not left need not be copied. Default: nowhere
   */
  write(buffer: Buffer, start: number, end: number, keptFrom = Number.POSITIVE_INFINITY): void {
    let from = start;
    if (this.#start === this.#end) {
      const taken = this.#raw.write(buffer, start, end - start);
      // Closed: whoever has to know hears it from the socket.
      if (taken < 0) {
        this.isBroken = true;
        return;
      }
      from += taken;
      if (from === end) return;
      if (from >= keptFrom) {
        this.#unsent = buffer;
        this.#start = from;
        this.#end = end;
        this.#isBorrowed = true;
        return;
      }
    }
    this.#makeRoom(end - from);
    this.#end += buffer.copy(this.#unsent, this.#end, from, end);
  }

  /** The kernel can take more. Returns whether everything has left. */
  drain(): boolean {
    if (this.#start < this.#end) {
      const taken = this.#raw.write(this.#unsent, this.#start, this.#end - this.#start);
      this.#start += Math.max(taken, 0);
    }
    if (this.#start < this.#end) return false;
    this.forget();
    return true;
  }

  /** Drops what has not left. */
  forget(): void {
    this.#start = 0;
    this.#end = 0;
    if (this.#isBorrowed || this.#unsent.length > keptBytes) this.#unsent = nothing;
    this.#isBorrowed = false;
  }

  /** Stops reading. Then only a reset is noticed, not the client's FIN. Twice is safe. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#raw.pause();
  }

  /** Twice is safe. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#raw.resume();
  }

  /** Says that nothing more follows. Everything must have left. */
  finish(): void {
    this.#raw.shutdown();
  }

  close(): void {
    this.#raw.end();
  }

  /** Breaks the connection, so that the client does not take what it has for a whole answer. */
  reset(): void {
    this.#raw.terminate();
  }

  #makeRoom(bytes: number): void {
    const unsent = this.#end - this.#start;
    if (this.#end + bytes <= this.#unsent.length && !this.#isBorrowed) return;
    let to = this.#unsent;
    if (unsent + bytes > to.length || this.#isBorrowed) {
      to = Buffer.allocUnsafeSlow(Math.max(unsent + bytes, to.length * 2));
    }
    this.#isBorrowed = false;
    this.#unsent.copy(to, 0, this.#start, this.#end);
    this.#unsent = to;
    this.#start = 0;
    this.#end = unsent;
  }
}
