/** A lane in a process of its own, whose memory is a node's alone: prints its port and the app's pid, ends with its stdin. */
import { join } from "node:path";
import { startTestLane } from "../lane-for-tests.ts";

const folder = join(import.meta.dir, "../../src/runner/fixtures");
const lane = startTestLane({
  app: { folder, entry: "large-bodies.ts", limits: { bodyBytesMax: 2 ** 30 } },
});
await lane.fetch("app", "/");
const { pid } = [...lane.lane.pools.all()][0]!.facts(0);
console.log(JSON.stringify({ port: lane.port, pid }));

for await (const _ of Bun.stdin.stream()) {
  // Only its end counts.
}
await lane.stop();
process.exit(0);
