/**
 * A relay in a process of its own, in front of one PostgreSQL; says where it listens, and goes when its stdin ends or it
 * is told to.
 *
 *   bun bench/serve-postgres-relay.ts '{"server":{…},"pooling":"session","connectionsMax":32}'
 */
import { databaseDefaults } from "../src/deploy/database-config.ts";
import {
  startTestRelay,
  type TestRelayOptions,
  type TestServer,
} from "../test/relay/relay-of-server.ts";

// As an app gets it that says `database: true`: what rules cost is a part of the cost.
const { statementTimeoutMs, transactionTimeoutMs, slowStatementMs, queriesPerRequestMax } =
  databaseDefaults;
const guard = { statementTimeoutMs, transactionTimeoutMs, slowStatementMs, queriesPerRequestMax };
const { server, ...options } = JSON.parse(process.argv[2] ?? "{}") as TestRelayOptions & {
  server: TestServer;
};
const { port, relay } = await startTestRelay(server, { guard, ...options });
console.log(`listening on ${port}`);
process.on("SIGTERM", () => void relay.stop().then(() => process.exit(0)));
