/**
 * A warm-start broker as a competent engineer writes it in an afternoon: `Bun.serve`, `request.json()`, a Map of stacks, and
 * promises that are settled when a runner goes away. No acknowledgement, no limits. Runs on any Bun.
 *
 *   bun bench/peers/bun-serve-broker.ts [--on-abort=settle|drop|keep]
 *
 * `drop` forgets the runner without settling its promise, `keep` holds its resolver in another map as well: what brokers on
 * Bun are known to have leaked by. GET /facts says what is held.
 */
type OnAbort = "settle" | "drop" | "keep";

const onAbort = (/--on-abort=(\w+)/.exec(process.argv.join(" "))?.[1] ?? "settle") as OnAbort;

interface Waiter {
  settle(response: Response): void;
  isGone: boolean;
}

/** Freshest last. */
const waiters = new Map<string, Waiter[]>();
/** What a second index would hold, such as one by controller. */
const kept = new Set<Waiter>();
let parked = 0;

function poll(request: Request): Promise<Response> {
  const { headers } = request;
  const key = [
    headers.get("x-trigger-deployment-id"),
    headers.get("x-trigger-deployment-version"),
    headers.get("x-trigger-machine-cpu"),
    headers.get("x-trigger-machine-memory"),
  ].join("\0");
  return new Promise((resolve) => {
    const waiter: Waiter = { settle: resolve, isGone: false };
    const stack = waiters.get(key);
    if (stack === undefined) waiters.set(key, [waiter]);
    else stack.push(waiter);
    parked += 1;
    if (onAbort === "keep") kept.add(waiter);
    request.signal.addEventListener("abort", () => leave(key, waiter), { once: true });
  });
}

function leave(key: string, waiter: Waiter): void {
  if (waiter.isGone) return;
  waiter.isGone = true;
  parked -= 1;
  const stack = waiters.get(key);
  const at = stack?.lastIndexOf(waiter) ?? -1;
  if (stack !== undefined && at !== -1) stack.splice(at, 1);
  if (stack?.length === 0) waiters.delete(key);
  if (onAbort === "settle") waiter.settle(new Response(null, { status: 499 }));
}

async function dispatch(request: Request): Promise<Response> {
  const { dequeuedMessage: message } = (await request.json()) as { dequeuedMessage: Message };
  const { deployment, backgroundWorker, run } = message;
  const key = [
    deployment.friendlyId,
    backgroundWorker.version,
    run.machine.cpu,
    run.machine.memory,
  ].join("\0");
  const stack = waiters.get(key);
  const waiter = stack?.pop();
  if (waiter === undefined) return Response.json({ didWarmStart: false });
  if (stack?.length === 0) waiters.delete(key);
  waiter.isGone = true;
  parked -= 1;
  kept.delete(waiter);
  waiter.settle(Response.json(message));
  return Response.json({ didWarmStart: true });
}

interface Message {
  deployment: { friendlyId: string };
  backgroundWorker: { version: string };
  run: { machine: { cpu: number; memory: number } };
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  // Above the 30 s that runners are told below; the default of 10 s ends their polls.
  idleTimeout: 120,
  routes: {
    "/connect": { GET: () => Response.json({ connectionTimeoutMs: 30_000, keepaliveMs: 300_000 }) },
    "/warm-start": { GET: poll, POST: dispatch },
    "/facts": {
      GET: (_request: Request, server: Bun.Server<undefined>): Response => {
        // What only the collector can free is not a leak.
        Bun.gc(true);
        return Response.json({ parked, pendingRequests: server.pendingRequests - 1 });
      },
    },
  },
});
console.log(`listening on ${server.port}`);
// A benchmark's server ends with whoever started it.
for await (const _ of Bun.stdin.stream());
process.exit(0);

export {};
