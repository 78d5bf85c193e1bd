/** One connection to an edge, and how long the first byte of an answer takes on it. */

/** Bound of one answer. Milliseconds. */
const answerTimeoutMs = 10_000;

export class FirstByte implements Disposable {
  readonly #socket: Bun.Socket;
  readonly #request: string;
  #onBytes: ((text: string) => void) | null = null;

  private constructor(socket: Bun.Socket, host: string) {
    this.#socket = socket;
    this.#request = `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  }

  static async connect(port: number, host: string): Promise<FirstByte> {
    let client: FirstByte | null = null;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => client?.hear(bytes.toString("latin1")),
        close: () => client?.hear(""),
      },
    });
    client = new FirstByte(socket, host);
    return client;
  }

  /**
   * Sends one request; resolves with the time from its last byte to the first byte of its answer. Milliseconds.
   *
   * @throws when it is not 200
   */
  async measure(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const timer = setTimeout(() => reject(new Error("no answer")), answerTimeoutMs);
    const sentAtMs = performance.now();
    this.#onBytes = (text) => {
      const tookMs = performance.now() - sentAtMs;
      this.#onBytes = null;
      if (text.startsWith("HTTP/1.1 200 ")) resolve(tookMs);
      else reject(new Error(`answered ${text.split("\r\n")[0] || "nothing"}`));
    };
    this.#socket.write(this.#request);
    return await promise.finally(() => clearTimeout(timer));
  }

  /** What the socket says: bytes, or nothing more when it has closed. */
  hear(text: string): void {
    this.#onBytes?.(text);
  }

  [Symbol.dispose](): void {
    this.#socket.terminate();
  }
}
