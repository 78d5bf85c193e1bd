/**
 * Connections in memory, to a server that is called as its socket would call it: what it costs itself, without the
 * kernel's part. Everything that a client does reaches the server in the next turn of the event loop, all connections
 * together, as the reads of a real turn do; what the server writes is read at once.
 */
import type { RawSocket } from "../../http/client-socket.ts";
import type { Dialer, LoadSocket, SocketEvents } from "./client-connection.ts";

/** What a server is told of one of its connections; the edge's `Connection` is one. */
export interface ServerConnection {
  /** The chunk is only valid during the call. */
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** The client sends no more. */
  onEnd(): void;
  /** Twice is safe. */
  onClose(): void;
}

/** Called for each connection that is opened. */
export type Accept = (socket: RawSocket) => ServerConnection;

/** As much as one read of a socket brings. Bytes. */
const readBytesMax = 64 * 1024;

export class MemoryDialer implements Dialer {
  readonly #accept: Accept;
  /** What happens in the next turn. At most a few per connection. */
  #next: (() => void)[] = [];
  readonly #turn = () => this.#runTurn();

  constructor(accept: Accept) {
    this.#accept = accept;
  }

  dial(events: SocketEvents): void {
    const pair = new MemoryPair(events, (step) => this.#later(step));
    this.#later(() => pair.open(this.#accept));
  }

  #later(step: () => void): void {
    this.#next.push(step);
    if (this.#next.length === 1) setImmediate(this.#turn);
  }

  #runTurn(): void {
    const steps = this.#next;
    this.#next = [];
    for (const step of steps) step();
  }
}

class MemoryPair implements LoadSocket {
  readonly #client: SocketEvents;
  readonly #later: (step: () => void) => void;
  readonly #deliver = () => this.#deliverNext();
  #server: ServerConnection | null = null;
  /** What the client has sent and the server has not read; the client's own bytes, not copied. */
  #inbox: Buffer[] = [];
  #isDelivering = false;
  #isPaused = false;
  #isClosed = false;

  constructor(client: SocketEvents, later: (step: () => void) => void) {
    this.#client = client;
    this.#later = later;
  }

  open(accept: Accept): void {
    // First, so that the client hears what the server may say at once.
    this.#client.onOpen(this);
    this.#server = accept({
      write: (data, start = 0, bytes = data.length - start) => this.#answer(data, start, bytes),
      pause: () => {
        this.#isPaused = true;
      },
      resume: () => {
        this.#isPaused = false;
        this.#schedule();
      },
      shutdown: () => this.#closeByServer(),
      end: () => this.#closeByServer(),
      terminate: () => this.#closeByServer(),
    });
  }

  // --- the client's end ---

  write(data: Uint8Array, start = 0, bytes = data.length - start): number {
    if (this.#isClosed) return -1;
    for (let at = start; at < start + bytes; at += readBytesMax) {
      const end = Math.min(at + readBytesMax, start + bytes);
      this.#inbox.push(Buffer.from(data.buffer, data.byteOffset + at, end - at));
    }
    this.#schedule();
    return bytes;
  }

  end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // What was sent before is read before, however busy the server is with something else.
    this.#later(() => {
      if (!this.#isPaused) for (const chunk of this.#inbox) this.#server?.onData(chunk);
      this.#inbox = [];
      this.#server?.onEnd();
      this.#server?.onClose();
    });
  }

  // --- the server's end ---

  #answer(data: Uint8Array, start: number, bytes: number): number {
    if (this.#isClosed) return -1;
    this.#client.onData(Buffer.from(data.buffer, data.byteOffset + start, bytes));
    return bytes;
  }

  /** There is no client that would read on or send more, so every way to close is the same. */
  #closeByServer(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#later(() => {
      this.#client.onClose();
      this.#server?.onClose();
    });
  }

  #schedule(): void {
    if (this.#isDelivering || this.#isPaused || this.#inbox.length === 0) return;
    this.#isDelivering = true;
    this.#later(this.#deliver);
  }

  #deliverNext(): void {
    this.#isDelivering = false;
    if (this.#isClosed || this.#isPaused) return;
    const chunk = this.#inbox.shift();
    if (chunk !== undefined) this.#server!.onData(chunk);
    this.#schedule();
  }
}
