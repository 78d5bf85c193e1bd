/**
 * A process that is a lane with hooks, for `bench/hooks.ts`: serves one app at `probe.localhost`, says where, and ends when
 * its stdin does. Arguments: folder, entry, name of the set of hooks.
 */
import { type LoadedHook, loadHooks } from "../src/hooks/load.ts";
import { startTestLane } from "../test/lane-for-tests.ts";
import { HOOK_SETS } from "./hook-sets.ts";

const [folder = "", entry = "", set = ""] = process.argv.slice(2);
const sources = HOOK_SETS[set];
if (sources === undefined) throw new Error(`there is no set "${set}"`);
const env = { STAFF: `ada:${"0".repeat(64)}` };
const nowMs = () => performance.now();
const hooks: LoadedHook[] = await loadHooks(sources, { env, nowMs });
const lane = startTestLane({ probe: { folder, entry } }, { hooks });
// Starts the app's process, so that the first request to be judged does not wait for it.
const first = await lane.fetch("probe", "/");
if (first.headers.has("levain-error")) throw new Error(`no app: ${await first.text()}`);
console.log(`listening on ${lane.port}`);

process.on("SIGTERM", stop);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await stop();

async function stop(): Promise<void> {
  await lane.stop();
  process.exit(0);
}
