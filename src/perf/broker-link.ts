/**
 * A kept connection of the load generator to a broker, over a raw socket: one request at a time, and where its answer
 * ends. Nothing is allocated per request.
 *
 *   opening ──▶ open ⇄ asking ──▶ gone       (whoever owns it opens another one)
 */
import { throwUncaught } from "../base/errors.ts";
import { AnswerReader } from "./load/answer-reader.ts";

export interface LinkOwner {
  onOpen(): void;
  /** A whole answer, head and body; the bytes are good during the call. */
  onAnswer(status: number, bytes: Buffer): void;
  /** Once, unless `close` was called. `wasOpen`: false when it could not be opened. */
  onGone(wasOpen: boolean): void;
}

type Socket = Bun.Socket<Link>;

const handlers = {
  binaryType: "buffer",
  open(socket: Socket) {
    socket.setNoDelay(true);
    socket.data.opened(socket);
  },
  data: (socket: Socket, chunk: Buffer) => socket.data.read(chunk),
  drain: (socket: Socket) => socket.data.drain(),
  close: (socket: Socket) => socket.data.ended(true),
  connectError: (socket: Socket) => socket.data.ended(false),
  // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
  error: (_socket: Socket, error: Error) => throwUncaught(error),
} as unknown as Bun.SocketHandler<Link, "buffer">;

export class Link {
  readonly #owner: LinkOwner;
  readonly #reader = new AnswerReader();
  #socket: Socket | null = null;
  #isGone = false;
  /** The part of a request that the kernel has not taken. */
  #unsent: Buffer | null = null;
  /** The answer so far, when it comes in pieces. */
  #pieces: Buffer[] | null = null;

  constructor(owner: LinkOwner, hostname: string, port: number) {
    this.#owner = owner;
    // A name that cannot be resolved rejects without a word to the handlers.
    Bun.connect({ hostname, port, data: this, socket: handlers }).catch(() => this.ended(false));
  }

  send(request: Buffer | string): void {
    if (this.#isGone || this.#socket === null) return;
    this.#reader.begin(false);
    const bytes = typeof request === "string" ? Buffer.from(request, "latin1") : request;
    const taken = this.#socket.write(bytes);
    // A copy: the next request is written over these bytes. Closed is -1, and `ended` says so.
    if (taken >= 0 && taken < bytes.length) this.#unsent = Buffer.from(bytes.subarray(taken));
  }

  /** Without a word to the owner. Twice is safe. */
  close(): void {
    this.#isGone = true;
    this.#socket?.end();
    this.#socket = null;
  }

  // --- what the socket says ---

  opened(socket: Socket): void {
    if (this.#isGone) return void socket.end();
    this.#socket = socket;
    this.#owner.onOpen();
  }

  drain(): void {
    if (this.#unsent === null || this.#socket === null) return;
    const taken = this.#socket.write(this.#unsent);
    if (taken < 0) return;
    this.#unsent = taken < this.#unsent.length ? this.#unsent.subarray(taken) : null;
  }

  read(chunk: Buffer): void {
    const reader = this.#reader;
    if (this.#isGone) return;
    reader.read(chunk);
    if (!reader.isDone) {
      if (reader.isMalformed) return this.#fail();
      this.#pieces ??= [];
      this.#pieces.push(Buffer.from(chunk));
      return;
    }
    const bytes = this.#pieces === null ? chunk : Buffer.concat([...this.#pieces, chunk]);
    this.#pieces = null;
    const { closes, status } = reader;
    this.#owner.onAnswer(status, bytes);
    if (closes) this.#fail();
  }

  ended(wasOpen: boolean): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket = null;
    this.#owner.onGone(wasOpen);
  }

  #fail(): void {
    const socket = this.#socket;
    this.ended(true);
    socket?.end();
  }
}
