/**
 * A process that is only an edge with its lane, for `starts.ts`: serves the benchmark's apps, brings one of them into
 * the state that is asked for, and ends with the process that started it. Argument: how many spares.
 *
 *   ← { port }
 *   → "cold"     ← [12]        its process is gone, and the spares stand ready; the processes that are left
 *   → "frozen"   ← [12, 34]    its process stands still
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestLane } from "../test/lane-for-tests.ts";
import { type BuiltApp, builtApp } from "./built-app.ts";

/** What is left to the machine to come to rest before a measurement. Milliseconds. */
const restMs = 20;

const sparesMax = Number(process.argv[2]);
const artifacts = mkdtempSync(join(tmpdir(), "levain-starts-"));
const hello = await built("../examples/hello/index.ts", "hello");
const noop = await built("apps/noop.ts", "noop");
const { lane, port, spec, stop } = startTestLane(
  {
    // Any idle time is too long: it is stopped at the next tick.
    cold: { ...hello, idleStopMs: 1 },
    "cold-off": { ...hello, idleStopMs: 1, sandbox: "off" },
    frozen: hello,
    warm: noop,
    "warm-off": { ...noop, sandbox: "off" },
    ephemeral: { ...noop, ephemeral: true },
  },
  { sparesMax },
);

process.on("message", async (app: string) => {
  const pool = lane.pools.of(spec(app));
  // The last answer may still be on its way out.
  if (app === "frozen") while (!pool.freeze()) await Bun.sleep(1);
  else while (pool.hasProcess || lane.spares.ready < sparesMax) await Bun.sleep(1);
  await Bun.sleep(restMs);
  process.send!([process.pid, pool.facts(0).pid].filter((pid) => pid !== null));
});
process.on("SIGTERM", end);
process.on("disconnect", end);
await lane.runner.make();
process.send!({ port });

async function end(): Promise<void> {
  await stop();
  rmSync(artifacts, { recursive: true, force: true });
  process.exit(0);
}

function built(module: string, name: string): Promise<BuiltApp> {
  return builtApp(join(import.meta.dir, module), join(artifacts, name));
}
