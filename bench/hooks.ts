/**
 * What hooks cost: CPU time of the node per request, with sets of hooks against none.
 *
 *   bun bench/hooks.ts [--rounds 3] [--seconds 2]
 *
 * Every round starts a lane for each set and measures them one after the other, forwards and backwards in turn. Trust the
 * ratios: both sides of each are of the same round.
 */
import { parseArgs } from "node:util";
import { HOOK_SETS } from "./hook-sets.ts";
import { cpuTimeMs, start } from "./processes.ts";
import { wrk, wrkMissing } from "./wrk.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    seconds: { type: "string", default: "2" },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const missing = wrkMissing();
if (missing !== null) throw new Error(missing);

const names = Object.keys(HOOK_SETS);
const costs = new Map<string, number[]>(names.map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    costs.get(name)!.push(await costUs(name));
  }
}

const base = costs.get("none")!;
console.log(
  "| hooks | CPU µs per request of the node, median (range) | more than none, median (range) |",
);
console.log("| --- | --- | --- |");
for (const [name, samples] of costs) {
  const more = samples.map((cost, round) => cost - base[round]!);
  console.log(`| ${name} | ${spread(samples)} | ${name === "none" ? "" : spread(more)} |`);
}

async function costUs(set: string): Promise<number> {
  const apps = `${import.meta.dir}/apps`;
  const command = [process.execPath, `${import.meta.dir}/serve-hooked.ts`, apps, "noop.ts", set];
  await using lane = await start(command, "listening on ");
  const port = /\d+/.exec(lane.line)?.[0];
  const run = {
    url: `http://127.0.0.1:${port}/`,
    headers: ["Host: probe.localhost", "Accept: */*", "User-Agent: wrk", "Cookie: a=b; c=d"],
    connections: 50,
  };
  await wrk({ ...run, seconds: 1 });
  const before = cpuTimeMs(lane.pid);
  const { requests, errors } = await wrk({ ...run, seconds });
  if (errors > 0) throw new Error(`${set}: ${errors} errors`);
  return ((cpuTimeMs(lane.pid) - before) * 1000) / requests;
}

function spread(samples: readonly number[]): string {
  const sorted = samples.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const [least = Number.NaN] = sorted;
  return `${median.toFixed(1)} (${least.toFixed(1)}–${(sorted.at(-1) ?? Number.NaN).toFixed(1)})`;
}
