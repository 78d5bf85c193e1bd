/** A server of WebSockets: echoes, and forgets those that leave, in whatever way they do. */
import { askPeer, becomes, type CaseContext, must, settledMemory } from "../case-context.ts";

interface Driven {
  echoes: number;
  wrong: number;
}

export default async function run(context: CaseContext): Promise<void> {
  let open = 0;
  let opened = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, self) =>
      self.upgrade(request, { data: undefined as never })
        ? undefined
        : new Response(null, { status: 400 }),
    websocket: {
      open(): void {
        open += 1;
        opened += 1;
      },
      message(socket, message): void {
        socket.send(message);
      },
      close(): void {
        open -= 1;
      },
    },
  });
  const sockets = context.isQuick ? 100 : 300;
  const messages = 10;
  const rounds = context.isQuick ? 3 : 6;
  let base = await settledMemory();
  for (let round = 0; round < rounds; round++) {
    if (round === 2) base = await settledMemory();
    const asked = { port: server.port, sockets, messages, messageBytes: 1024 };
    const { echoes, wrong } = await askPeer<Driven>(context, "/web-sockets", asked);
    must(wrong === 0, `${wrong} echoes are not what was sent`);
    must(echoes === sockets * messages, `${echoes} of ${sockets * messages} echoes came`);
    await becomes(5000, "closed sockets to be told", () => open === 0);
  }
  const settled = await settledMemory();
  context.measure("memory", settled.rss - base.rss, "MiB");
  context.measure("sockets", opened, "count");
  const left = server.pendingWebSockets;
  must(left === 0, `${left} of ${opened} sockets are still counted`);
  must(
    settled.rss - base.rss < 100,
    `memory grew by ${(settled.rss - base.rss).toFixed(0)} MiB over ${opened} sockets`,
  );
  server.stop(true);
}
