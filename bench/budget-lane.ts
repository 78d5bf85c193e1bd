/**
 * A lane in a process of its own that counts its work. Prints its port, the app's pid and another port that answers with
 * the counts; ends with its stdin.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { builtApp } from "./built-app.ts";
import { countWork, workSoFar } from "./work-counter.ts";

countWork();
const { startTestLane } = await import("../test/lane-for-tests.ts");

const artifact = mkdtempSync(join(tmpdir(), "levain-budget-"));
const app = await builtApp(join(import.meta.dir, "apps/counted.ts"), artifact);
const lane = startTestLane({ app }, { sparesMax: 0 });
await (await lane.fetch("app", "/")).text();
const { pid } = [...lane.lane.pools.all()][0]!.facts(0);
const counts = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => Response.json(workSoFar()),
});
console.log(JSON.stringify({ port: lane.port, pid, countsPort: counts.port }));

process.on("SIGTERM", stop);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await stop();

async function stop(): Promise<void> {
  await lane.stop();
  rmSync(artifact, { recursive: true });
  process.exit(0);
}
