/**
 * An upgraded request: bytes between its stream on the wire and a connection to the server behind it.
 *
 *   connecting ──connected, handshake sent──▶ answering ──101──▶ open ──either side ends──▶ closed
 *                                                 └── another answer, or none: RESET ──▶ closed
 *
 * Neither direction holds more than its window: what the local socket does not take is not granted to the node, and the
 * local socket is not read while the node's window is full.
 */
import { FrameType, ResetReason } from "../wire/frames.ts";
import { handshakeAnswerBytesMax } from "./limits.ts";
import type { ServerStream, Tunnel } from "./server-stream.ts";

export interface SocketTunnelOptions {
  stream: ServerStream;
  socketPath: string;
  /** The request that is sent first. */
  handshake: string;
  /** The handshake was answered, or will not be. Called at least once. */
  onAnswered(): void;
}

const nothing = Buffer.alloc(0);

export class SocketTunnel implements Tunnel {
  readonly #options: SocketTunnelOptions;
  #socket: Bun.Socket<undefined> | null = null;
  #isClosed = false;
  /** What has come of the answer to the handshake; null once it is complete. */
  #answer: Buffer | null = nothing;
  /** What the client sent and the local socket has not taken yet. */
  readonly #toSocket: Uint8Array[] = [];
  #endsAfterUnsent = false;
  /** What the local socket sent and the window has kept back; null while nothing waits. */
  #toStream: Uint8Array | null = null;
  /** The local socket has closed: the stream ends once all has been sent. */
  #isLast = false;

  constructor(options: SocketTunnelOptions) {
    this.#options = options;
    Bun.connect({
      unix: options.socketPath,
      socket: {
        binaryType: "buffer",
        open: (socket) => this.#onOpen(socket),
        data: (_socket, chunk: Buffer) => this.#onData(chunk),
        drain: () => this.#pump(),
        close: () => this.#onClose(),
        error: () => this.#onClose(),
      },
    } as Bun.UnixSocketOptions<undefined>).catch(() => this.#onClose());
  }

  // --- what the wire says ---

  push(chunk: Uint8Array): void {
    this.#toSocket.push(chunk);
    this.#pump();
  }

  end(): void {
    this.#endsAfterUnsent = true;
    this.#pump();
  }

  close(): void {
    this.#isClosed = true;
    this.#options.onAnswered();
    this.#socket?.terminate();
  }

  // --- what the local socket says ---

  #onOpen(socket: Bun.Socket<undefined>): void {
    if (this.#isClosed) return void socket.terminate();
    this.#socket = socket;
    socket.write(this.#options.handshake);
  }

  #onData(chunk: Buffer): void {
    if (this.#answer !== null) return this.#onAnswer(Buffer.concat([this.#answer, chunk]));
    this.#send(chunk);
  }

  #onAnswer(answer: Buffer): void {
    const { stream, onAnswered } = this.#options;
    this.#answer = answer;
    const end = answer.indexOf("\r\n\r\n") + 4;
    const isTooLong =
      end < 4 ? answer.length > handshakeAnswerBytesMax : end > handshakeAnswerBytesMax;
    if (isTooLong) return this.#fail("its headers are too long");
    if (end < 4) return;
    if (!answer.latin1Slice(0, 13).startsWith("HTTP/1.1 101 ")) return this.#fail("it was refused");
    onAnswered();
    this.#answer = null;
    const at = stream.begin(FrameType.TUNNEL, 0, end, 0);
    answer.copy(stream.buffer, at, 0, end);
    if (answer.length > end) this.#send(answer.subarray(end));
  }

  #onClose(): void {
    this.#socket = null;
    if (this.#answer !== null) return this.#fail("it was not answered");
    this.#isLast = true;
    if (this.#toStream === null) this.#options.stream.end();
  }

  #fail(what: string): void {
    this.#options.stream.reset(
      ResetReason.TUNNEL_CLOSED,
      `the WebSocket handshake failed: ${what}`,
    );
  }

  // --- both directions ---

  /** From the client to the local socket. */
  #pump(): void {
    const socket = this.#socket;
    if (socket === null) return;
    while (this.#toSocket.length > 0) {
      const chunk = this.#toSocket[0]!;
      const taken = Math.max(socket.write(chunk), 0);
      this.#options.stream.granted(taken);
      if (taken < chunk.length) {
        this.#toSocket[0] = chunk.subarray(taken);
        return;
      }
      this.#toSocket.shift();
    }
    if (this.#endsAfterUnsent) socket.end();
  }

  /** From the local socket to the client; the chunk is the socket's and only valid now. */
  #send(chunk: Buffer): void {
    const { stream } = this.#options;
    const sent = this.#toStream === null ? stream.send(chunk, 0) : 0;
    if (sent === chunk.length) return;
    const rest = new Uint8Array(chunk.subarray(sent));
    // A socket that was just paused may still have something.
    if (this.#toStream !== null) {
      this.#toStream = Buffer.concat([this.#toStream, rest]);
      return;
    }
    this.#toStream = rest;
    this.#socket?.pause();
    void this.#sendRest();
  }

  async #sendRest(): Promise<void> {
    const { stream } = this.#options;
    while (this.#toStream !== null && !stream.closed) {
      const rest = this.#toStream;
      const sent = stream.send(rest, 0);
      this.#toStream = sent === rest.length ? null : rest.subarray(sent);
      if (this.#toStream !== null) await stream.roomMade();
    }
    if (this.#isLast) stream.end();
    else this.#socket?.resume();
  }
}
