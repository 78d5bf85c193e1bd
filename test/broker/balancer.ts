/** Stands in front of several brokers as a service of Kubernetes does: each connection leads to one of them, by chance. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pick, type Random } from "../../src/base/random-for-tests.ts";

export class Balancer implements AsyncDisposable {
  readonly #server = createServer((client) => this.#lead(client));
  readonly #sockets = new Set<Socket>();
  readonly #random: Random;
  /** Ports that connections lead to from now on; those that are there stay where they are. */
  ports: readonly number[];

  constructor(random: Random, ports: readonly number[]) {
    this.#random = random;
    this.ports = ports;
  }

  /** @returns its origin */
  async listen(): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #lead(client: Socket): void {
    const broker = connect(pick(this.#random, this.ports), "127.0.0.1");
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket);
      // Without a word, as for a broker that is gone.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  }
}
