/**
 * A relay in a process of its own, in front of one PostgreSQL; says where it listens, and goes when its stdin ends or it
 * is told to.
 *
 *   bun bench/serve-postgres-relay.ts '{"server":{…},"pooling":"session","connectionsMax":32}'
 */
import {
  startTestRelay,
  type TestRelayOptions,
  type TestServer,
} from "../test/relay/relay-of-server.ts";

const { server, ...options } = JSON.parse(process.argv[2] ?? "{}") as TestRelayOptions & {
  server: TestServer;
};
const { port, relay } = await startTestRelay(server, options);
console.log(`listening on ${port}`);
process.on("SIGTERM", () => void relay.stop().then(() => process.exit(0)));
