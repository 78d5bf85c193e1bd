/**
 * What a process of Bun costs that stands between two sockets and looks at nothing: the floor under the relay. Says where it
 * listens, and goes when it is told to.
 *
 *   bun bench/peers/bytes-only.ts '{"host":"127.0.0.1","port":5432}'      a host that begins with / is a folder with a unix socket
 */

/** One end; what comes from it goes to the other one. */
interface End {
  other: Bun.Socket<End> | null;
  /** What has come and the other end has not taken. */
  unsent: Uint8Array;
}

const nothing = new Uint8Array(0);
const { host, port } = JSON.parse(process.argv[2] ?? "{}") as { host: string; port: number };

/** Writes to an end what has come from its other one; whoever sent it is not read before all of it has left. */
function pass(to: Bun.Socket<End>, from: Bun.Socket<End>, bytes: Uint8Array): void {
  const taken = Math.max(to.write(bytes), 0);
  if (taken === bytes.length) return;
  from.data.unsent = bytes.subarray(taken);
  from.pause();
}

const handlers: Bun.SocketHandler<End, "buffer"> = {
  binaryType: "buffer",
  data: (socket, bytes) => pass(socket.data.other!, socket, bytes),
  drain(socket) {
    const from = socket.data.other;
    if (from === null || from.data.unsent.length === 0) return;
    const { unsent } = from.data;
    from.data.unsent = nothing;
    from.resume();
    pass(socket, from, unsent);
  },
  close: (socket) => void socket.data.other?.terminate(),
};

const listener = Bun.listen<End>({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    ...handlers,
    async open(client) {
      client.data = { other: null, unsent: nothing };
      client.setNoDelay(true);
      client.pause();
      const options = { data: { other: client, unsent: nothing }, socket: handlers };
      const socket = host.startsWith("/")
        ? await Bun.connect<End>({ unix: `${host}/.s.PGSQL.${port}`, ...options })
        : await Bun.connect<End>({ hostname: host, port, ...options });
      socket.setNoDelay(true);
      client.data.other = socket;
      client.resume();
    },
  },
});
console.log(`listening on ${listener.port}`);
process.on("SIGTERM", () => process.exit(0));

export {};
