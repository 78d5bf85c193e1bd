/** Connections of a client over TCP. */
import { throwUncaught } from "../../base/errors.ts";
import type { Dialer, LoadSocket, SocketEvents } from "./client-connection.ts";

type Socket = Bun.Socket<SocketEvents>;

const handlers = {
  binaryType: "buffer",
  open(socket: Socket) {
    socket.setNoDelay(true);
    socket.data.onOpen(socket as unknown as LoadSocket);
  },
  data: (socket: Socket, chunk: Buffer) => socket.data.onData(chunk),
  drain: (socket: Socket) => socket.data.onDrain(),
  close: (socket: Socket) => socket.data.onClose(),
  connectError: (socket: Socket) => socket.data.onRefused(),
  // What the kernel has to say comes with `close`; this is what a callback of ours has thrown.
  error: (_socket: Socket, error: Error) => throwUncaught(error),
} as unknown as Bun.SocketHandler<SocketEvents, "buffer">;

export function tcpDialer(hostname: string, port: number): Dialer {
  return {
    dial(events) {
      // A name that cannot be resolved rejects without a word to the handlers.
      Bun.connect({ hostname, port, data: events, socket: handlers }).catch(() =>
        events.onRefused(),
      );
    },
  };
}
