/**
 * What apps at rest cost a machine: many apps with a heap of 20 MB each on one node, all woken, then left alone. Memory of
 * all together by what the machine has left, awake and asleep; the node's CPU time when all sleep; and how long random
 * ones take to answer while others are under load. Without swap, with compressed memory and with a swap file.
 *
 *   bun bench/density.ts [--apps 500] [--swap none,zram,file] [--wakes 400] [--heap-bytes 20000000] [--tiny]
 *
 * 500 apps that are awake take 13 GB. `zram` and `file` need root and a machine without swap; they are set up for the run
 * and taken down after it. Prints as it goes; a run with every kind of swap writes its section of `bench/RESULTS.md`.
 * `--tiny`: a few small apps without swap, writes nothing. Exit 1 when a target was missed.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DensityNode } from "./density-node.ts";
import { type PhaseResult, phase } from "./density-phase.ts";
import { DENSITY_NOTE, densityTable, densityTargets } from "./density-table.ts";
import { machine, withSection } from "./report.ts";
import { seededRandom } from "./seeded-random.ts";
import { type SwapKind, setUpSwap, swapMissing } from "./swap.ts";

const RESULTS = join(import.meta.dir, "RESULTS.md");
const swapKinds: readonly SwapKind[] = ["none", "zram", "file"];

const { values } = parseArgs({
  options: {
    apps: { type: "string" },
    swap: { type: "string" },
    wakes: { type: "string" },
    "heap-bytes": { type: "string" },
    tiny: { type: "boolean", default: false },
  },
});
const effort = values.tiny
  ? { apps: 4, wakes: 3, heapBytes: 1_000_000, restMs: 200, settleMs: 0 }
  : { apps: 500, wakes: 400, heapBytes: 20_000_000, restMs: 30_000, settleMs: 20_000 };
const apps = Number(values.apps ?? effort.apps);
const wakes = Number(values.wakes ?? effort.wakes);
const heapBytes = Number(values["heap-bytes"] ?? effort.heapBytes);
const asked = (values.swap ?? (values.tiny ? "none" : swapKinds.join())).split(",");
const chosen = swapKinds.filter((kind) => asked.includes(kind));

const missing = chosen.map(swapMissing).filter((text) => text !== null);
for (const text of missing) console.log(`missing: ${text}`);
const kinds = chosen.filter((kind) => swapMissing(kind) === null);

const before = machine();
const seed = 20_261_121;
const startedAtMs = performance.now();
const results: PhaseResult[] = [];
let deployMs = 0;
{
  await using node = await DensityNode.start({
    module: "heap.ts",
    apps,
    config: { idleFreezeMs: 1000, idlePageMs: 2000, idleStopMs: 0, env: { HEAP_BYTES: heapBytes } },
  });
  deployMs = (performance.now() - startedAtMs) / apps;
  console.log(`${apps} apps deployed, ${deployMs.toFixed(0)} ms each`);
  for (const kind of kinds) {
    // What is in swap is read back when it is taken down: the node ends first.
    await using swap = await setUpSwap(kind, 2 * apps * heapBytes);
    const result = await phase(node, swap, {
      asleep: kind === "none" ? "frozen" : "paged",
      wakes,
      restMs: effort.restMs,
      settleMs: effort.settleMs,
      random: seededRandom(seed),
    });
    results.push(result);
    await node.stop();
    console.log(`${kind}: ${JSON.stringify(result)}`);
  }
}

const table = densityTable(results);
const targets = densityTargets(results);
console.log(`\n${table}\n\n${targets.table}`);
if (kinds.length === swapKinds.length && !values.tiny) {
  const text = [
    "## Density: what apps at rest cost",
    `${before} \`bun bench/density.ts --apps ${apps}\`.`,
    `${apps} apps with a heap of ${heapBytes / 1e6} MB each on one node, each a version and a process of its own, deployed in ` +
      `${deployMs.toFixed(0)} ms each. All are started and look at all of their memory, then they are left alone, and frozen or ` +
      "paged. *Memory* is how much less the machine has available (`MemAvailable`) than with the node alone, so pages that are " +
      "shared, compressed or cached are there once; other work on the machine is in it too. *By its parts*: what the kernel counts for " +
      "each app (PSS and page tables) and for zram. *Private* is what is in RAM of an app's own. *Wakes*: " +
      `${wakes} sleeping apps, in random order, asked by a process of its own while others answer 400 requests a second.`,
    "Two targets are there twice: as a user meets them, with all that other work on the machine adds, and without that.",
    table,
    DENSITY_NOTE,
    "### Targets",
    targets.table,
  ].join("\n\n");
  const document = await Bun.file(RESULTS).text();
  await Bun.write(RESULTS, withSection(document, "density", text));
  console.log(`\nwritten to ${RESULTS}`);
}
// So few apps for so short a time say nothing about targets.
process.exitCode = targets.areMet || values.tiny ? 0 : 1;
