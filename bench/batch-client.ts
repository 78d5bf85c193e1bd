/**
 * Clients that ask together: each has a connection that is kept, all ask at once, and the next batch begins when the last
 * answer is there. Every answer has the length of the first.
 */
import type { Socket } from "bun";

export class BatchClient {
  readonly #sockets: Socket[] = [];
  #answerBytes = 0;
  #expectedBytes = 0;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #done = Promise.withResolvers<void>();

  /** Opens `connections` and asks once, to know how long an answer is. Disposing closes them. */
  static async open(port: number, request: Buffer, connections: number): Promise<BatchClient> {
    const client = new BatchClient(request);
    for (let index = 0; index < connections; index++) {
      const socket = await Bun.connect({
        hostname: "127.0.0.1",
        port,
        socket: {
          data: (_socket, bytes) => client.#onData(bytes),
          close: () => client.#done.reject(new Error("a connection was closed")),
        },
      });
      client.#sockets.push(socket);
    }
    await client.#learn();
    return client;
  }

  readonly #request: Buffer;

  private constructor(request: Buffer) {
    this.#request = request;
  }

  /** Asks on every connection; resolves when all are answered. `around` runs the writes. */
  async ask(around: (write: () => void) => Promise<void> | void = (write) => write()) {
    this.#done = Promise.withResolvers();
    this.#receivedBytes = 0;
    this.#expectedBytes = this.#answerBytes * this.#sockets.length;
    await around(() => {
      for (const socket of this.#sockets) {
        const taken = socket.write(this.#request);
        if (taken !== this.#request.length) throw new Error("a request did not leave whole");
      }
    });
    await this.#done.promise;
  }

  [Symbol.dispose](): void {
    this.#done.promise.catch(() => {});
    for (const socket of this.#sockets) socket.terminate();
  }

  async #learn(): Promise<void> {
    this.#sockets[0]!.write(this.#request);
    await this.#done.promise;
    const answer = Buffer.concat(this.#received).latin1Slice();
    if (!answer.startsWith("HTTP/1.1 200 ")) throw new Error(`not an answer: ${answer}`);
    this.#answerBytes = answer.length;
    this.#received = [];
  }

  #onData(bytes: Buffer): void {
    if (this.#answerBytes === 0) {
      this.#received.push(Buffer.from(bytes));
      if (isWhole(Buffer.concat(this.#received).latin1Slice())) this.#done.resolve();
      return;
    }
    this.#receivedBytes += bytes.length;
    if (this.#receivedBytes === this.#expectedBytes) this.#done.resolve();
  }
}

function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)/i.exec(answer)?.[1];
  return headEnd !== -1 && answer.length === headEnd + 4 + Number(length);
}
