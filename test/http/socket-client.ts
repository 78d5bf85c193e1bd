/** A WebSocket client that keeps what came until it is asked for. */
import type { Target } from "./targets.ts";

export interface Closed {
  code: number;
  reason: string;
}

/** How long to wait for one message, or for the end. Milliseconds. */
const waitMs = 4000;

export class SocketClient implements Disposable {
  readonly socket: WebSocket;
  readonly #messages: (string | Buffer)[] = [];
  #closed: Closed | null = null;
  #changed = Promise.withResolvers<void>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = "nodebuffer";
    socket.onmessage = ({ data }) => {
      this.#messages.push(data);
      this.#notify();
    };
    socket.onclose = ({ code, reason }) => {
      this.#closed = { code, reason };
      this.#notify();
    };
  }

  /** Resolves when it is open. @throws when it is refused. */
  static async open(target: Target, path: string, protocols: string[] = []): Promise<SocketClient> {
    const url = `ws://127.0.0.1:${target.port}${path}`;
    const options = { headers: { Host: target.host }, protocols };
    const client = new SocketClient(new WebSocket(url, options as never));
    const { socket } = client;
    await client.#until(
      () => socket.readyState === WebSocket.OPEN || client.#closed !== null,
      "open",
    );
    if (client.#closed !== null) throw new Error(`refused: ${client.#closed.code}`);
    return client;
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.socket.send(message);
  }

  /** The next message, in order. @throws when the socket ends or stays silent. */
  async next(): Promise<string | Buffer> {
    await this.#until(() => this.#messages.length > 0 || this.#closed !== null, "message");
    const message = this.#messages.shift();
    if (message === undefined) throw new Error(`closed with ${this.#closed?.code}`);
    return message;
  }

  async closed(): Promise<Closed> {
    await this.#until(() => this.#closed !== null, "end");
    return this.#closed!;
  }

  [Symbol.dispose](): void {
    this.socket.terminate();
  }

  async #until(isReached: () => boolean, what: string): Promise<void> {
    const endAtMs = performance.now() + waitMs;
    // `open` is an event of the socket's and not one of ours.
    this.socket.onopen = () => this.#notify();
    while (!isReached()) {
      const leftMs = endAtMs - performance.now();
      if (leftMs <= 0) throw new Error(`no ${what} within ${waitMs} ms`);
      await Promise.race([this.#changed.promise, Bun.sleep(leftMs)]);
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
