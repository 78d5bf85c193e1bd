/** Opens sockets to PostgreSQL: unix, TCP, TCP with TLS (which begins with a request in clear). */
import { throwUncaught } from "../base/errors.ts";
import { keepAliveProbeMs } from "./limits.ts";
import { int32 } from "./messages.ts";
import type { RawSocket } from "./outlet.ts";
import type { ServerAddress } from "./relay-api.ts";

/** Who hears what the socket says. */
export interface SocketListener {
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** Also after it could not be opened. Once. */
  onClose(): void;
}

/** A server that does not show what it has to: trying again changes nothing. */
export class UntrustedServer extends Error {}

const tlsRequest = Buffer.concat([int32(8), int32(80877103)]);

const handlers = {
  binaryType: "buffer",
  open() {},
  data: (socket: Bun.Socket<SocketListener>, chunk: Buffer) => socket.data.onData(chunk),
  drain: (socket: Bun.Socket<SocketListener>) => socket.data.onDrain(),
  close: (socket: Bun.Socket<SocketListener>) => socket.data?.onClose(),
  // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
  error: (_socket: Bun.Socket<SocketListener>, error: Error) => throwUncaught(error),
  connectError() {},
} as const;

/** Resolves when bytes can be sent. @throws what the kernel says, with its `code` */
export async function connectSocket(
  address: ServerAddress,
  listener: SocketListener,
): Promise<RawSocket> {
  if (address.kind === "socket") {
    const unix = `${address.folder}/.s.PGSQL.${address.port}`;
    const socket = await Bun.connect({ unix, data: listener, socket: handlers as never });
    return socket as unknown as RawSocket;
  }
  const { host: hostname, port, tls } = address;
  if (tls !== null) return connectTls(address, listener);
  const socket = await Bun.connect({ hostname, port, data: listener, socket: handlers as never });
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveProbeMs);
  return socket as unknown as RawSocket;
}

async function connectTls(
  { host: hostname, port, tls }: Extract<ServerAddress, { kind: "tcp" }>,
  listener: SocketListener,
): Promise<RawSocket> {
  const answered = Promise.withResolvers<number>();
  const secured = Promise.withResolvers<void>();
  let isSecured = false;
  const plain = await Bun.connect({
    hostname,
    port,
    socket: {
      open: (socket) => void socket.write(tlsRequest),
      // More than one byte would be somebody's who injects into the clear (CVE-2021-23222).
      data: (_socket, chunk) => answered.resolve(chunk.length === 1 ? chunk[0]! : 0),
      close: () => answered.reject(new Error("it closed before TLS began")),
    },
  });
  plain.setNoDelay(true);
  plain.setKeepAlive(true, keepAliveProbeMs);
  if ((await answered.promise) !== 0x53) {
    plain.terminate();
    throw new UntrustedServer("PostgreSQL does not offer TLS");
  }
  const [, socket] = plain.upgradeTLS({
    data: listener,
    tls: {
      serverName: hostname,
      rejectUnauthorized: tls!.isVerified,
      ...(tls!.ca === null ? {} : { ca: tls!.ca }),
    } as Bun.TLSOptions,
    socket: {
      ...handlers,
      handshake: (_socket: unknown, isAuthorized: boolean, error: Error | null) => {
        if (isAuthorized || !tls!.isVerified) {
          isSecured = true;
          secured.resolve();
        } else {
          const why = `PostgreSQL's certificate is not believed (${error?.message ?? "no reason"})`;
          secured.reject(new UntrustedServer(why));
        }
      },
      // Until it is secured, whoever asked for it hears by the promise.
      close: (one: Bun.Socket<SocketListener>) => {
        if (isSecured) one.data?.onClose();
        else secured.reject(new Error("it closed before TLS was agreed"));
      },
    } as never,
  });
  secured.promise.catch(() => socket.terminate());
  await secured.promise;
  return socket as unknown as RawSocket;
}
