/**
 * The command line as a process of its own, with a node that serves the admin API from memory.
 *
 *   bun src/cli/cli-for-tests.ts <words>
 *
 * `TEST_NODE` makes `up` misbehave: `throw` cannot start, `exit` ends without a word, `invariant` breaks, `slow`
 * takes a while to stop.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { NodeStatus } from "../control/api.ts";
import { runCli } from "./cli.ts";
import { exitWhenWritten, processIo } from "./process-io.ts";
import type { RunNode } from "./run-node.ts";

const runTestNode: RunNode = async (config, watcher) => {
  const { memoryDeps } = await import("../control/admin-deps-for-tests.ts");
  const { startAdminServer } = await import("../control/admin-server.ts");
  switch (process.env.TEST_NODE) {
    case "throw":
      throw new PlatformError("PORT_IN_USE", ["--port", config.port], {
        cause: new Error("taken by process 1"),
      });
    case "exit":
      console.error("something terrible\nhappened");
      process.exit(7);
      break;
    case "invariant":
      throw new TypeError("undefined is not a function");
  }
  mkdirSync(config.dataDir, { recursive: true });
  const stopping = Promise.withResolvers<void>();
  const deps = { ...memoryDeps(config.dataDir, []), shutdown: stopping.resolve };
  const socketPath = join(config.dataDir, "admin.sock");
  const { ensureAdminToken } = await import("../control/admin-token.ts");
  ensureAdminToken(config.dataDir);
  const server = await startAdminServer({
    dataDir: config.dataDir,
    socketPath,
    hostname: "127.0.0.1",
    port: config.adminPort,
    deps,
  });
  process.on("SIGTERM", stopping.resolve).on("SIGINT", stopping.resolve);
  watcher.ready({ ...((await deps.status()) as NodeStatus), adminPort: server.port });
  await stopping.promise;
  await server.stop();
  if (process.env.TEST_NODE === "slow") await Bun.sleep(300);
};

if (import.meta.main) {
  const io = processIo();
  await exitWhenWritten(
    await runCli(process.argv.slice(2), {
      ...io,
      runNode: runTestNode,
      runDev: () => Promise.reject(new Error("no lane in this program")),
    }),
    io,
  );
}
