/** TLS on a client's connection, from where it was agreed on (`upgradeTLS`). The relay is the server's side of it. */
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import * as limits from "./limits.ts";
import type { RawSocket } from "./outlet.ts";
import type { RelayCertificate } from "./relay-api.ts";
import { tlsProtocol } from "./startup.ts";

/** As TLS writes a list of them: each behind its length. */
const protocols = Buffer.concat([Buffer.of(tlsProtocol.length), Buffer.from(tlsProtocol)]);

/** Who hears what comes; `data` of each socket is the one given. */
export interface SecuredHandlers<Data> {
  data(socket: Bun.Socket<Data>, chunk: Buffer): void;
  drain(socket: Bun.Socket<Data>): void;
  close(socket: Bun.Socket<Data>): void;
  error(socket: Bun.Socket<Data>, error: Error): void;
  /** Once. The handshake has come to its end, well or not; `close` follows when not. */
  handshake(socket: Bun.Socket<Data>, isSecured: boolean): void;
}

/**
 * Begins the handshake.
 *
 * @param socket accepted by a listener; its callbacks go on hearing what is encrypted, with its `data` of now
 * @returns both halves: `secured` takes and gives what is in clear, `raw` what is encrypted
 * @param first bytes of the handshake that were read already
 * @throws what is wrong with the certificate
 */
export function secureSocket<Data>(
  socket: Bun.Socket<unknown>,
  { cert, key }: RelayCertificate,
  data: Data,
  handlers: SecuredHandlers<Data>,
  first: Buffer | null,
): { secured: Bun.Socket<Data>; raw: Bun.Socket<unknown> } {
  const [raw, secured] = socket.upgradeTLS<Data>({
    data,
    tls: { cert, key, ALPNProtocols: protocols },
    socket: { binaryType: "buffer", open() {}, ...handlers },
    // Not in the types of Bun 1.4.5; `node:tls` uses them for the same.
    isServer: true,
    ...(first === null ? {} : { initialData: first }),
  } as unknown as Bun.TLSUpgradeOptions<Data>);
  return { secured, raw };
}

/**
 * A connection over TLS as an `Outlet` writes to it. TLS ends when both sides have said so: a client that does not is not
 * waited for.
 */
export class SecuredSocket implements RawSocket, Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly #socket: Bun.Socket<unknown>;
  readonly #raw: Bun.Socket<unknown>;
  readonly #deadlines: Deadlines;

  constructor(
    { secured, raw }: { secured: Bun.Socket<unknown>; raw: Bun.Socket<unknown> },
    deadlines: Deadlines,
  ) {
    this.#socket = secured;
    this.#raw = raw;
    this.#deadlines = deadlines;
  }

  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number {
    return this.#socket.write(data, byteOffset, byteLength);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.deadlineMs = this.#deadlines.after(limits.closeMs);
    this.#deadlines.add(this);
    this.#socket.end();
  }

  terminate(): void {
    this.#socket.terminate();
  }

  onDeadline(): void {
    // The half that speaks TLS has let go of the connection with its `end` (Bun 1.4.5). What the kernel has is still sent.
    this.#raw.end();
  }

  /** The socket is gone. */
  forget(): void {
    this.#deadlines.remove(this);
  }
}
