/** What else runs on the machine of a node: services that have nothing to do with Levain and trust whoever is local. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Target } from "./attack.ts";
import { call } from "./kernel.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_STREAM, unix } from "./sockets.ts";

/** Attackers would wait for somebody to accept them if there were fewer. Count. */
const backlog = 1000;

export async function openOutside(): Promise<{ outside: Target["outside"] } & AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), "levain-outside-"));
  chmodSync(folder, 0o755);
  const socket = join(folder, "open.sock");
  const abstractName = `levain-outside-${process.pid}-${crypto.randomUUID()}`;
  const tcp = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("outside") });
  const udp = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const fds = [
    bound(SOCK_STREAM, socket),
    bound(SOCK_STREAM, `\0${abstractName}`),
    bound(SOCK_DGRAM, `\0${abstractName}-datagrams`),
  ];
  chmodSync(socket, 0o777);
  return {
    outside: { port: tcp.port!, udpPort: udp.port, socket, abstractName },
    async [Symbol.asyncDispose]() {
      for (const fd of fds) call("close", fd);
      udp.close();
      await tcp.stop(true);
      rmSync(folder, { recursive: true });
    },
  };
}

function bound(type: number, name: string): number {
  const fd = call("socket", AF_UNIX, type, 0);
  const address = unix(name);
  call("bind", fd, address, address.length);
  if (type === SOCK_STREAM) call("listen", fd, backlog);
  return fd;
}
