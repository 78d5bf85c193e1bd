/**
 * Serves a client's app on a free port of the loopback, which it prints. A process of its own, on the Bun that is tested.
 *
 *   bun serve-recovery-app.ts <path of a module with the client as its default export>
 */
import { recoveryApp } from "./recovery-client.ts";

const { default: client } = await import(process.argv[2]!);
const { fetch } = recoveryApp(client);
// A round may last longer than an idle connection by default.
const server = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 60, fetch });
console.log(JSON.stringify({ port: server.port, connectionsMax: client.connectionsMax }));
