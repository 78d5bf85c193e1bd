/**
 * The sending side of a socket. What the kernel does not take at once is kept in order and sent when it takes more; it is
 * not copied, since nobody changes a chunk that has come from a socket. Whoever writes looks at `unsentBytes`.
 */

/** The part of a Bun socket that is used. */
export interface RawSocket {
  /** Takes what it can at once; returns the bytes taken, or -1 when closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
  pause(): void;
  resume(): void;
  /** Closes both directions; what the kernel has taken is still delivered. */
  end(): void;
  /** Closes with RST. */
  terminate(): void;
}

export class Outlet {
  #raw: RawSocket;
  readonly #unsent: Buffer[] = [];
  #unsentBytes = 0;
  #isPaused = false;
  #isEnding = false;
  #isClosed = false;

  constructor(raw: RawSocket) {
    this.#raw = raw;
  }

  /** Bytes that wait for the other side to read. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** From here on everything leaves through TLS. Call it when nothing is unsent. */
  secure(raw: RawSocket): void {
    this.#raw = raw;
  }

  write(bytes: Buffer, from = 0, end = bytes.length): void {
    if (this.#isClosed || this.#isEnding) return;
    let at = from;
    if (this.#unsentBytes === 0) {
      const taken = this.#raw.write(bytes, from, end - from);
      // Closed: whoever has to know hears it from the socket.
      if (taken < 0) return;
      at += taken;
      if (at === end) return;
    }
    this.#unsent.push(bytes.subarray(at, end));
    this.#unsentBytes += end - at;
  }

  /** The kernel can take more. Returns whether everything has left. */
  drain(): boolean {
    while (this.#unsent.length > 0 && !this.#isClosed) {
      const first = this.#unsent[0]!;
      const taken = Math.max(this.#raw.write(first, 0, first.length), 0);
      this.#unsentBytes -= taken;
      if (taken < first.length) {
        this.#unsent[0] = first.subarray(taken);
        return false;
      }
      this.#unsent.shift();
    }
    if (this.#isEnding) this.#raw.end();
    return true;
  }

  /** Stops reading. Twice is safe. */
  pause(): void {
    if (this.#isPaused || this.#isClosed) return;
    this.#isPaused = true;
    this.#raw.pause();
  }

  /** Twice is safe. */
  resume(): void {
    if (!this.#isPaused || this.#isClosed) return;
    this.#isPaused = false;
    this.#raw.resume();
  }

  /** Closes when everything has left. Twice is safe. */
  end(): void {
    if (this.#isEnding || this.#isClosed) return;
    this.#isEnding = true;
    // A paused socket would not hear that the other side has gone.
    this.resume();
    if (this.#unsentBytes === 0) this.#raw.end();
  }

  /** Closes at once; what has not left is lost. */
  reset(): void {
    if (!this.#isClosed) this.#raw.terminate();
    this.forget();
  }

  /** The socket is gone. */
  forget(): void {
    this.#isClosed = true;
    this.#unsent.length = 0;
    this.#unsentBytes = 0;
  }
}
