/**
 * The admin API beyond the machine: takes connections from anybody, and lets through to the node's own listener only what
 * has sent the head of a request in good time. One request per connection, so that there is nothing to smuggle behind it.
 *
 *   accepted ──(TLS)──▶ head ──whole──▶ relaying ──either side ends, or both are silent──▶ closed
 *                        └──too slow, too large──▶ closed
 *
 * Bounded: connections in all and of one address, the time and the size of a head, silence, and what waits for a slow reader.
 */
import { randomBytes } from "node:crypto";
import type { Socket, TCPSocketListener } from "bun";
import { plainAddress } from "../base/client-address.ts";
import {
  adminConnectionsMax,
  adminConnectionsOfOneMax,
  adminHeadBytesMax,
  adminHeadTimeoutMs,
  adminIdleSeconds,
} from "./limits.ts";

export interface AdminRelayOptions {
  hostname: string;
  /** 0 takes a free one. */
  port: number;
  /** Null: without TLS. */
  tls: { cert: string; key: string } | null;
  /** Unix socket of the listener behind. */
  socketPath: string;
  bounds?: Partial<RelayBounds>;
}

export interface RelayBounds {
  connectionsMax: number;
  connectionsOfOneMax: number;
  headTimeoutMs: number;
  idleSeconds: number;
}

/** Request header by which the listener behind knows who is at the other end. */
export const relayHeader = "levain-relay";

interface Client {
  address: string;
  /** What `relayHeader` says; empty before there is one. */
  ticket: string;
  /** Of the head, while it comes. */
  head: Buffer;
  timer: ReturnType<typeof setTimeout> | null;
  inner: Socket<Inner> | null;
  /** For the client, not taken yet. */
  waiting: Buffer;
  /** The other side has ended; close when `waiting` is out. */
  isEnding: boolean;
}

interface Inner {
  client: Socket<Client>;
  waiting: Buffer;
}

const nothing = Buffer.alloc(0);
const headEnd = "\r\n\r\n";

export class AdminRelay {
  readonly #options: AdminRelayOptions;
  readonly #bounds: RelayBounds;
  #listener: TCPSocketListener<Client>;
  readonly port: number;
  readonly #open = new Set<Socket<Client>>();
  readonly #ofAddress = new Map<string, number>();
  readonly #tickets = new Map<string, string>();

  /** @throws whatever the socket says, with its `code` */
  constructor(options: AdminRelayOptions) {
    this.#options = options;
    this.#bounds = {
      connectionsMax: adminConnectionsMax,
      connectionsOfOneMax: adminConnectionsOfOneMax,
      headTimeoutMs: adminHeadTimeoutMs,
      idleSeconds: adminIdleSeconds,
      ...options.bounds,
    };
    this.#listener = this.#listen(options.port, options.tls);
    this.port = this.#listener.port;
  }

  /** Connections that are open. Count. */
  get connections(): number {
    return this.#open.size;
  }

  /** The address behind a request that carries `relayHeader`; once, and null for what is none of ours. */
  addressOf(header: string | null): string | null {
    // Ours is the first line, whatever the client has sent.
    const [ticket = ""] = (header ?? "").split(",");
    const address = this.#tickets.get(ticket) ?? null;
    this.#tickets.delete(ticket);
    return address;
  }

  /** New connections get another certificate; open ones go on. @throws whatever the socket says */
  renew(tls: { cert: string; key: string }): void {
    this.#listener.stop(false);
    this.#listener = this.#listen(this.port, tls);
  }

  /** Takes no more connections. */
  stopAccepting(): void {
    this.#listener.stop(false);
  }

  /** Ends those that are open. */
  close(): void {
    for (const client of this.#open) client.terminate();
  }

  #listen(port: number, tls: AdminRelayOptions["tls"]): TCPSocketListener<Client> {
    const { idleSeconds } = this.#bounds;
    return Bun.listen<Client>({
      hostname: this.#options.hostname,
      port,
      ...(tls === null ? {} : { tls }),
      socket: {
        open: (client) => this.#accept(client),
        // Without one, `open` waits for the handshake, and those that never come to an end are not seen (Bun 1.4.5).
        handshake: () => {},
        data: (client, chunk) => {
          client.timeout(idleSeconds);
          this.#fromClient(client, chunk);
        },
        drain: (client) => this.#toClient(client, nothing),
        timeout: (client) => void client.terminate(),
        end: (client) => void client.terminate(),
        error: (client) => void client.terminate(),
        close: (client) => this.#forget(client),
      },
    });
  }

  #accept(client: Socket<Client>): void {
    const { connectionsMax, connectionsOfOneMax, headTimeoutMs } = this.#bounds;
    const address = plainAddress((client.remoteAddress ?? "").split("%")[0] ?? "");
    client.data = {
      address,
      ticket: "",
      head: nothing,
      timer: null,
      inner: null,
      waiting: nothing,
      isEnding: false,
    };
    const ofOne = this.#ofAddress.get(address) ?? 0;
    this.#open.add(client);
    this.#ofAddress.set(address, ofOne + 1);
    if (ofOne >= connectionsOfOneMax) {
      client.terminate();
      return;
    }
    if (this.#open.size > connectionsMax) {
      // Who has said nothing for longest makes way, so that silent ones do not keep out those who want something.
      const silent = [...this.#open].find(({ data }) => data.timer !== null) ?? client;
      silent.terminate();
      if (silent === client) return;
    }
    // From here to the end of the head, the handshake included: what trickles in does not put it off.
    client.data.timer = setTimeout(() => client.terminate(), headTimeoutMs);
  }

  #fromClient(client: Socket<Client>, chunk: Buffer): void {
    const state = client.data;
    if (state.inner !== null) {
      this.#toInner(state.inner, chunk);
      return;
    }
    const isWhole = state.head.includes(headEnd);
    state.head = Buffer.concat([state.head, chunk]);
    // The listener behind is on its way; the client waits.
    if (isWhole) return;
    const end = state.head.indexOf(headEnd);
    if (end === -1 ? state.head.length > adminHeadBytesMax : end > adminHeadBytesMax) {
      client.terminate();
      return;
    }
    if (end === -1) return;
    clearTimeout(state.timer ?? undefined);
    state.timer = null;
    client.pause();
    client.timeout(this.#bounds.idleSeconds);
    void this.#connect(client);
  }

  async #connect(client: Socket<Client>): Promise<void> {
    const { socketPath } = this.#options;
    const { idleSeconds } = this.#bounds;
    try {
      const inner = await Bun.connect<Inner>({
        unix: socketPath,
        data: { client, waiting: nothing },
        socket: {
          data: (_, chunk) => {
            client.timeout(idleSeconds);
            this.#toClient(client, chunk);
          },
          drain: (socket) => this.#toInner(socket, nothing),
          end: () => this.#endClient(client),
          error: () => this.#endClient(client),
          close: () => this.#endClient(client),
        },
      });
      // It may have left meanwhile.
      if (!this.#open.has(client)) {
        inner.terminate();
        return;
      }
      const state = client.data;
      state.inner = inner;
      state.ticket = randomBytes(16).toString("hex");
      this.#tickets.set(state.ticket, state.address);
      const lineEnd = state.head.indexOf("\r\n") + 2;
      const own = `${relayHeader}: ${state.ticket}\r\nconnection: close\r\n`;
      const first = [
        state.head.subarray(0, lineEnd),
        Buffer.from(own),
        state.head.subarray(lineEnd),
      ];
      state.head = nothing;
      client.resume();
      this.#toInner(inner, Buffer.concat(first));
    } catch {
      client.terminate();
    }
  }

  /** What the listener behind does not take at once waits, and the client with it. */
  #toInner(inner: Socket<Inner>, chunk: Buffer): void {
    const { data } = inner;
    const left = write(inner, data.waiting, chunk);
    if (left.length > 0) data.client.pause();
    else if (data.waiting.length > 0) data.client.resume();
    data.waiting = left;
  }

  #toClient(client: Socket<Client>, chunk: Buffer): void {
    const state = client.data;
    const left = write(client, state.waiting, chunk);
    if (left.length > 0) state.inner?.pause();
    else if (state.waiting.length > 0) state.inner?.resume();
    state.waiting = left;
    if (state.isEnding && left.length === 0) client.end();
  }

  #endClient(client: Socket<Client>): void {
    const state = client.data;
    state.isEnding = true;
    if (state.waiting.length === 0) client.end();
  }

  #forget(client: Socket<Client>): void {
    const { address, timer, ticket, inner } = client.data;
    this.#open.delete(client);
    clearTimeout(timer ?? undefined);
    this.#tickets.delete(ticket);
    inner?.terminate();
    const left = (this.#ofAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#ofAddress.delete(address);
    else this.#ofAddress.set(address, left);
  }
}

/** Writes both, and gives back what was not taken; a copy, since the chunk's memory is used again. */
function write(socket: Socket<unknown>, waiting: Buffer, chunk: Buffer): Buffer {
  const all = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk]);
  if (all.length === 0) return nothing;
  const taken = Math.max(0, socket.write(all));
  return taken === all.length ? nothing : Buffer.from(all.subarray(taken));
}
