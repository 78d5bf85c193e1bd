/** A client that speaks PostgreSQL's protocol byte by byte, to say to a relay what no client library would. */
import { randomBytes } from "node:crypto";
import { fromClient, int32, message, startupPacket } from "../../src/relay/messages.ts";
import {
  clientFinal,
  clientFirst,
  mechanism,
  readServerFirst,
  scramKeys,
} from "../../src/relay/scram.ts";

export interface RawMessage {
  /** First byte, as a letter. */
  type: string;
  body: Buffer;
}

export class RawClient {
  /** What came and was not asked for yet. */
  readonly messages: RawMessage[] = [];
  /** All bytes that came. Count. */
  received = 0;
  isClosed = false;
  pid = 0;
  key: Buffer = Buffer.alloc(0);
  readonly closed: Promise<void>;
  readonly #closed = Promise.withResolvers<void>();
  #socket!: Bun.Socket;
  #input: Buffer = Buffer.alloc(0);
  #wake: (() => void) | null = null;

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient();
    client.#socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, chunk) => client.#onData(chunk),
        close: () => {
          client.isClosed = true;
          client.#closed.resolve();
          client.#wake?.();
        },
      },
    });
    return client;
  }

  /** Logs in by the user and password of a URL. */
  static async login(url: string, more: [string, string][] = []): Promise<RawClient> {
    const { port, username, password, pathname } = new URL(url);
    const client = await RawClient.open(Number(port));
    client.send(startupPacket([["user", username], ["database", pathname.slice(1)], ...more]));
    await client.prove(password);
    return client;
  }

  constructor() {
    this.closed = this.#closed.promise;
  }

  /** From AuthenticationSASL to ReadyForQuery. */
  async prove(password: string): Promise<void> {
    const nonce = randomBytes(12).toString("base64");
    await this.next("R");
    const first = Buffer.from(clientFirst(nonce));
    this.send(message(fromClient.password, mechanism, int32(first.length), first));
    const received = (await this.next("R")).body.toString("latin1", 4);
    const server = readServerFirst(received, nonce)!;
    const keys = scramKeys(password, server.salt, server.rounds);
    const { text } = clientFinal(first.toString(), received, server, keys);
    this.send(message(fromClient.password, Buffer.from(text)));
    const { body } = await this.next("K");
    this.pid = body.readInt32BE(0);
    this.key = Buffer.from(body.subarray(4));
    await this.next("Z");
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends all of it, however long the other side takes. */
  async sendAll(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length && !this.isClosed; ) {
      at += Math.max(this.#socket.write(bytes, at, bytes.length - at), 0);
      if (at < bytes.length) await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  query(sql: string): void {
    this.send(message(fromClient.query, sql));
  }

  /** The next message of a type; drops those before it. @throws when it closes or takes too long */
  async next(type: string, timeoutMs = 10_000): Promise<RawMessage> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      while (this.messages.length > 0) {
        const one = this.messages.shift()!;
        if (one.type === type) return one;
        if (one.type === "E" && type !== "E" && type !== "Z") throw new Error(errorText(one));
      }
      if (this.isClosed) throw new Error(`closed before ${type}`);
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) throw new Error(`no ${type} within ${timeoutMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** SQLSTATE of the next error. */
  async nextError(): Promise<string> {
    const text = errorText(await this.next("E"));
    return /\bC([0-9A-Z]{5})\b/.exec(text)?.[1] ?? text;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** With RST. */
  reset(): void {
    this.#socket.terminate();
  }

  end(): void {
    this.#socket.end();
  }

  #onData(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.#input = Buffer.concat([this.#input, chunk]);
    for (;;) {
      const { length } = this.#input;
      // The answer to a request for encryption is one letter alone.
      if (length === 1 && (this.#input[0] === 0x4e || this.#input[0] === 0x53)) {
        this.messages.push({ type: String.fromCharCode(this.#input[0]), body: Buffer.alloc(0) });
        this.#input = Buffer.alloc(0);
        break;
      }
      if (length < 5 || length < 1 + this.#input.readUInt32BE(1)) break;
      const end = 1 + this.#input.readUInt32BE(1);
      const type = String.fromCharCode(this.#input[0]!);
      this.messages.push({ type, body: Buffer.from(this.#input.subarray(5, end)) });
      this.#input = this.#input.subarray(end);
    }
    this.#wake?.();
  }
}

function errorText({ body }: RawMessage): string {
  return body.toString("latin1").replaceAll("\0", " ");
}

/** Parse, Bind, Describe, Execute of a statement without a name; no Sync. */
export function extended(sql: string, name = ""): Buffer {
  return Buffer.concat([
    message(fromClient.parse, name, sql, Buffer.alloc(2)),
    message(fromClient.bind, "", name, Buffer.alloc(6)),
    message(fromClient.describe, Buffer.from("P"), ""),
    message(fromClient.execute, "", int32(0)),
  ]);
}
