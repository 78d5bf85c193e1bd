/**
 * A lane in a process of its own, for soaks: its memory is a node's alone. Prints its port, and another port that answers
 * with what it holds; ends with its stdin.
 */
import { heapStats } from "bun:jsc";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestLane } from "../test/lane-for-tests.ts";
import { builtApp } from "./built-app.ts";

const artifact = mkdtempSync(join(tmpdir(), "levain-soak-"));
const soak = await builtApp(join(import.meta.dir, "apps/soak.ts"), artifact);
const lane = startTestLane(
  {
    app: soak,
    ephemeral: { ...soak, ephemeral: true },
    // Gives up on a request at once: for those that time out.
    hasty: { ...soak, limits: { requestTimeoutMs: 50 } },
  },
  { sparesMax: 0 },
);

const apps = ["app", "ephemeral", "hasty"];

/** By name of the app; null for one that does not run. */
function pids(): Record<string, number | null> {
  const pidOf = (app: string) => lane.lane.pools.of(lane.spec(app)).facts(0).pid;
  return Object.fromEntries(apps.map((app) => [app, pidOf(app)]));
}

const holdings = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch() {
    // The log of a test keeps everything; a node's does not.
    lane.records.length = 0;
    Bun.gc(true);
    const { heapSize, objectCount } = heapStats();
    const { connections } = lane.lane.edge.counters;
    return Response.json({ heapBytes: heapSize, objects: objectCount, connections, pids: pids() });
  },
});
for (const app of apps) {
  const headers = { connection: "close" };
  await (await lane.fetch(app, "/", { keepalive: false, headers })).text();
}
console.log(JSON.stringify({ port: lane.port, holdingsPort: holdings.port }));

process.on("SIGTERM", stop);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await stop();

async function stop(): Promise<void> {
  await lane.stop();
  rmSync(artifact, { recursive: true, force: true });
  process.exit(0);
}
