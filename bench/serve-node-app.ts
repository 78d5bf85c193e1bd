/**
 * Serves an app with a server of `node:http` by bare Bun, for the peers: on a free TCP port, or on a unix socket behind a
 * proxy. Arguments: module, path of the socket or nothing. Prints where it listens.
 */
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

const [module = "", unix] = process.argv.slice(2);
process.env["PORT"] = unix ?? "0";
const { server } = (await import(module)) as { server: Server };
if (!server.listening) await once(server, "listening");
console.log(`listening on ${unix ?? (server.address() as AddressInfo).port}`);

// Ends with the process that started it, however that ends.
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it.
}
process.exit(0);
