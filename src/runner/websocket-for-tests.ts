/** A WebSocket client by hand, over a test's request: frames are seen as they are on the wire. */
import type { RequestOptions } from "./request-for-tests.ts";
import type { TestRequest, TestRunner } from "./runner-for-tests.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";

export interface SocketFrame {
  opcode: number;
  isCompressed: boolean;
  payload: Buffer;
}

export const Opcode = { TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

export class TestSocket {
  readonly request: TestRequest;
  #parsedBytes = 0;
  readonly #frames: SocketFrame[] = [];

  private constructor(request: TestRequest) {
    this.request = request;
  }

  /** Asks for a socket; rejects, or has another status, when the app refuses. */
  static async open(
    runner: TestRunner,
    path: string,
    options: RequestOptions = {},
  ): Promise<TestSocket> {
    const socket = TestSocket.ask(runner, path, options);
    await socket.request.head;
    return socket;
  }

  /** The same without waiting for the answer. */
  static ask(runner: TestRunner, path: string, options: RequestOptions = {}): TestSocket {
    const headers = {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-key": key,
      "sec-websocket-version": "13",
      ...(options.headers as Record<string, string> | undefined),
    };
    return new TestSocket(runner.request(path, { ...options, headers, isUpgrade: true }));
  }

  send(opcode: number, payload: string | Uint8Array): void {
    const body = Buffer.from(payload as string);
    const long = body.length > 65_535 ? 8 : body.length > 125 ? 2 : 0;
    const head = Buffer.alloc(2 + long + 4);
    head[0] = 0x80 | opcode;
    head[1] = 0x80 | (long === 8 ? 127 : long === 2 ? 126 : body.length);
    if (long === 2) head.writeUInt16BE(body.length, 2);
    if (long === 8) head.writeBigUInt64BE(BigInt(body.length), 2);
    // A mask of zeros leaves the bytes as they are.
    this.request.write(Buffer.concat([head, body]));
  }

  close(code: number, reason = ""): void {
    const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
    payload.writeUInt16BE(code);
    payload.write(reason, 2);
    this.send(Opcode.CLOSE, payload);
  }

  /** Resolves with the next frame. */
  async frame(): Promise<SocketFrame> {
    while (true) {
      const frame = this.#frames.shift() ?? this.#parse();
      if (frame !== null) return frame;
      const before = this.request.receivedBytes;
      await this.request.until(() => this.request.receivedBytes > before);
    }
  }

  async text(): Promise<string> {
    return (await this.frame()).payload.toString();
  }

  #parse(): SocketFrame | null {
    const bytes = this.request.received.subarray(this.#parsedBytes);
    if (bytes.length < 2) return null;
    const short = bytes[1]! & 0x7f;
    const headBytes = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (bytes.length < headBytes) return null;
    const length =
      short === 127
        ? Number(bytes.readBigUInt64BE(2))
        : short === 126
          ? bytes.readUInt16BE(2)
          : short;
    if (bytes.length < headBytes + length) return null;
    this.#parsedBytes += headBytes + length;
    return {
      opcode: bytes[0]! & 0x0f,
      isCompressed: (bytes[0]! & 0x40) !== 0,
      payload: Buffer.from(bytes.subarray(headBytes, headBytes + length)),
    };
  }
}
