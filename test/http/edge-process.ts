/**
 * A process that is only an edge with its lane, for tests and benchmarks: serves one app at `probe.localhost`, says
 * where and which process is the app's, and ends when its stdin does. Arguments: folder, entry, and what else a `TestApp`
 * may have as JSON.
 */
import { startTestLane } from "../lane-for-tests.ts";

const [folder = "", entry = "", options = "{}"] = process.argv.slice(2);
const lane = startTestLane({ probe: { folder, entry, ...JSON.parse(options) } });
// Starts the app's process, so that the first request to be judged does not wait for it.
const first = await lane.fetch("probe", "/");
if (first.headers.has("levain-error")) throw new Error(`no app: ${await first.text()}`);
const pid = lane.records.find(({ event }) => event === "start")?.fields?.["pid"];
console.log(`listening on ${lane.port} app ${pid}`);

process.on("SIGTERM", stop);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await stop();

async function stop(): Promise<void> {
  await lane.stop();
  process.exit(0);
}
