/**
 * The way from a client to a PostgreSQL server, which can be made bad: connections on it are reset, or swallowed.
 *
 *   open ──pass──▶ bytes go both ways
 *     ├─ reset() ───▶ both ends get RST
 *     └─ swallow() ─▶ bytes are taken and go nowhere; nobody is told     block() does so to new connections too
 *
 * Listens on a free port of the loopback. What it swallows it keeps open until the client goes or the path closes, as a
 * router does that has forgotten a connection.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface PathTarget {
  /** Folder of a unix socket, or a host. */
  host: string;
  port: number;
}

interface Passage {
  client: Socket;
  server: Socket | null;
  isSwallowed: boolean;
}

export class ServerPath {
  readonly #target: PathTarget;
  readonly #passages = new Set<Passage>();
  readonly #listener: Server;
  #isBlocked = false;
  /** Connections that came, until now. Count. */
  accepted = 0;

  /** Close it when done. */
  static async open(target: PathTarget): Promise<ServerPath> {
    const path = new ServerPath(target);
    await new Promise<void>((resolve, reject) => {
      path.#listener.once("error", reject);
      path.#listener.listen(0, "127.0.0.1", resolve);
    });
    return path;
  }

  private constructor(target: PathTarget) {
    this.#target = target;
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  get port(): number {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("the path is closed");
    return address.port;
  }

  /** Connections that are open at the client's end, and pass bytes. Count. */
  get passing(): number {
    return [...this.#passages].filter(({ isSwallowed }) => !isSwallowed).length;
  }

  /** Resets all connections there are, at both ends. */
  reset(): void {
    for (const { client, server } of this.#passages) {
      client.resetAndDestroy();
      server?.resetAndDestroy();
    }
    this.#passages.clear();
  }

  /** From now on bytes of the connections there are go nowhere, in both directions. New ones work. */
  swallow(): void {
    for (const passage of this.#passages) swallowBytes(passage);
  }

  /** New connections are taken and then swallowed, too, until `unblock`. */
  block(): void {
    this.#isBlocked = true;
    this.swallow();
  }

  unblock(): void {
    this.#isBlocked = false;
  }

  /** Destroys what is open. Twice is safe. */
  async close(): Promise<void> {
    for (const { client, server } of this.#passages) {
      client.destroy();
      server?.destroy();
    }
    this.#passages.clear();
    if (this.#listener.listening) await new Promise((resolve) => this.#listener.close(resolve));
  }

  #accept(client: Socket): void {
    const passage: Passage = { client, server: null, isSwallowed: false };
    this.#passages.add(passage);
    this.accepted += 1;
    client.setNoDelay(true);
    client.on("error", () => {});
    client.on("close", () => {
      this.#passages.delete(passage);
      passage.server?.destroy();
    });
    if (this.#isBlocked) return swallowBytes(passage);
    const { host, port } = this.#target;
    const server = host.startsWith("/")
      ? connect({ path: `${host}/.s.PGSQL.${port}`, allowHalfOpen: true })
      : connect({ host, port, noDelay: true, allowHalfOpen: true });
    passage.server = server;
    server.on("error", () => {
      if (!passage.isSwallowed) client.destroy();
    });
    server.on("close", () => {
      if (!passage.isSwallowed) client.destroySoon();
    });
    client.pipe(server);
    server.pipe(client);
  }
}

function swallowBytes(passage: Passage): void {
  passage.isSwallowed = true;
  const { client, server } = passage;
  for (const [end, other] of [
    [client, server],
    [server, client],
  ] as const) {
    if (end === null) continue;
    if (other !== null) end.unpipe(other);
    end.resume();
  }
  // Nothing else would close it: its own end is half of one.
  client.once("end", () => client.destroy());
}
