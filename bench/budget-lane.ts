/**
 * A lane in a process of its own that counts its work. Prints its port, the app's pid and another port that answers with
 * the counts; ends with its stdin.
 */
import { countWork, workSoFar } from "./work-counter.ts";

countWork();
const { startTestLane } = await import("../test/lane-for-tests.ts");

const app = { folder: `${import.meta.dir}/apps`, entry: "counted.ts" };
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
  process.exit(0);
}
