/**
 * What leaves on one connection. Small writes go to the socket at once; what the socket does not take is kept in order
 * and sent on `drain`. The flow control of the wire bounds how much that can be.
 */

/** The part of a Bun socket that the writer needs. */
export interface ClientSocket {
  write(data: Uint8Array | string, byteOffset?: number, byteLength?: number): number;
}

export class ResponseWriter {
  readonly #socket: ClientSocket;
  #unsent: Buffer[] = [];
  #unsentBytes = 0;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
  }

  /** Bytes that wait for the client. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Sends `buffer[start..end)`, which is only valid during the call. */
  write(buffer: Buffer, start: number, end: number): void {
    let from = start;
    if (this.#unsentBytes === 0) {
      const taken = this.#socket.write(buffer, start, end - start);
      if (taken < 0) return;
      from += taken;
      if (from === end) return;
    }
    const rest = Buffer.allocUnsafe(end - from);
    buffer.copy(rest, 0, from, end);
    this.#unsent.push(rest);
    this.#unsentBytes += rest.length;
  }

  /** The socket can take more. Returns whether everything has left. */
  drain(): boolean {
    while (this.#unsent.length > 0) {
      const next = this.#unsent[0]!;
      const taken = this.#socket.write(next, 0, next.length);
      if (taken < 0) return false;
      this.#unsentBytes -= taken;
      if (taken < next.length) {
        this.#unsent[0] = next.subarray(taken);
        return false;
      }
      this.#unsent.shift();
    }
    return true;
  }

  /** Forgets what has not left. */
  clear(): void {
    this.#unsent = [];
    this.#unsentBytes = 0;
  }
}
