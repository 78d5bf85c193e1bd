/** Timers: made and taken away by the thousand, in order, on time, and after the process stood still. */
import { askPeer, becomes, type CaseContext, must, settledMemory } from "../case-context.ts";

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const stoppedMs = 1500;

export default async function run(context: CaseContext): Promise<void> {
  await inOrder();
  await takenAway(context);
  await afterStandingStill(context);
}

async function inOrder(): Promise<void> {
  const seen: number[] = [];
  await Promise.all([40, 10, 30, 20, 0].map((ms) => sleep(ms).then(() => seen.push(ms))));
  must(seen.join() === "0,10,20,30,40", `timers came in the order ${seen.join()}`);
  let ticks = 0;
  const interval = setInterval(() => {
    ticks += 1;
    if (ticks === 5) clearInterval(interval);
  }, 5);
  await becomes(5000, "five ticks of an interval", () => ticks === 5);
  await sleep(30);
  must(ticks === 5, `an interval that was cleared went on to ${ticks}`);
}

async function takenAway(context: CaseContext): Promise<void> {
  const rounds = context.isQuick ? 20 : 100;
  let fired = 0;
  const make = () => {
    for (let at = 0; at < 5000; at++) clearTimeout(setTimeout(() => fired++, 60_000));
  };
  for (let round = 0; round < 10; round++) make();
  const base = await settledMemory();
  for (let round = 0; round < rounds; round++) make();
  const { rss } = await settledMemory();
  context.measure("memory", rss - base.rss, "MiB");
  must(rss - base.rss < 64, `timers that were cleared hold ${(rss - base.rss).toFixed(0)} MiB`);
  must(fired === 0, `${fired} timers that were cleared came all the same`);
}

async function afterStandingStill(context: CaseContext): Promise<void> {
  let ticks = 0;
  const interval = setInterval(() => ticks++, 20);
  const due = sleep(stoppedMs / 2).then(() => performance.now());
  const startMs = performance.now();
  await askPeer(context, "/stop-process", { pid: process.pid, forMs: stoppedMs, afterMs: 50 });
  await becomes(5000, "to be stopped", () => performance.now() - startMs > stoppedMs);
  const before = ticks;
  const dueMs = (await due) - startMs;
  await sleep(100);
  clearInterval(interval);
  context.measure("due timer came after", dueMs, "ms");
  // One that made up for what it missed would tick 75 times at once.
  must(ticks - before < 30, `an interval of 20 ms ticked ${ticks - before} times in 100 ms`);
  must(dueMs < stoppedMs + 2000, `a timer came ${dueMs.toFixed(0)} ms after it was set`);
}
