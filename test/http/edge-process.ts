/**
 * A process that is only an edge with its lane, for `startEdge`: serves one app, says where, and ends when its stdin
 * does. Arguments: folder, entry.
 */
import { startTestLane } from "../lane-for-tests.ts";

const [folder = "", entry = ""] = process.argv.slice(2);
const lane = startTestLane({ probe: { folder, entry } });
// Loads the app, so that the first case does not wait for it.
await lane.fetch("probe", "/hello");
console.log(`listening on ${lane.port}`);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await lane.stop();
process.exit(0);
