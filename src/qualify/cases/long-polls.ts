/** Requests whose answer is a promise that nobody settles and the app still holds, and whose client has gone. */
import { askPeer, becomes, type CaseContext, must, settledMemory } from "../case-context.ts";

/** A few are on their way at any time. Count. */
const leftMax = 50;

export default async function run(context: CaseContext): Promise<void> {
  const held: ((response: Response) => void)[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: () => new Promise<Response>((resolve) => held.push(resolve)),
  });
  const polls = context.isQuick ? 2000 : 22_000;
  const base = await settledMemory();
  await askPeer(context, "/long-polls", { port: server.port, count: polls });
  must(held.length >= polls * 0.99, `${held.length} of ${polls} requests came`);
  // The runtime hears of the last ones a moment later.
  const isOver = () => server.pendingRequests <= leftMax;
  await becomes(3000, "", isOver).catch(() => {});
  const settled = await settledMemory();
  const left = server.pendingRequests;
  context.measure("requests left", left, "count");
  context.measure("memory", settled.rss - base.rss, "MiB");
  server.stop(true);
  must(
    left <= leftMax,
    `${left} of ${polls} requests are still held after their clients have gone, at most ${leftMax}`,
  );
}
