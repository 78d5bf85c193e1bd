/**
 * A process that is a lane with a site of files, for `bench/files.ts`: serves it at `site.localhost`, says where its files
 * lie and on which port, and ends when its stdin does. Arguments: sizes of the files, in bytes.
 */
import { startTestLane } from "../test/lane-for-tests.ts";
import { prepareSite } from "../test/static/prepared-site.ts";

const sizes = process.argv.slice(2).map(Number);
// What no encoding makes smaller, so that both sides send the same.
const bytesOf = (size: number) => crypto.getRandomValues(new Uint8Array(size));
const site = prepareSite(Object.fromEntries(sizes.map((size) => [`${size}.bin`, bytesOf(size)])));
const lane = startTestLane({ site: site.app });
console.log(`listening on ${lane.port} ${site.folder}/public`);

process.on("SIGTERM", stop);
for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
await stop();

async function stop(): Promise<void> {
  await lane.stop();
  site[Symbol.dispose]();
  process.exit(0);
}
