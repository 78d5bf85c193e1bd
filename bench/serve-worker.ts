/**
 * The other obvious way: `Bun.serve` that gives each request to a `Worker` by `postMessage`, bodies whole. No isolation
 * but a heap of its own. Argument: module.
 */

/** To the worker. */
export interface WorkerRequest {
  id: number;
  url: string;
  method: string;
  headers: [string, string][];
  body: ArrayBuffer | null;
}

/** Back. */
export interface WorkerAnswer {
  id: number;
  status: number;
  headers: [string, string][];
  body: ArrayBuffer;
}

const [module = ""] = process.argv.slice(2);
const waiting = new Map<number, (answer: WorkerAnswer) => void>();
let last = 0;

const worker = new Worker(`${import.meta.dir}/worker-app.ts`, { argv: [module] });
await new Promise((resolve) => {
  worker.onmessage = resolve;
});
worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => {
  waiting.get(data.id)?.(data);
  waiting.delete(data.id);
};

async function relay(request: Request): Promise<Response> {
  const { url, method } = request;
  const headers = [...request.headers] as [string, string][];
  const body = request.body === null ? null : await request.arrayBuffer();
  last += 1;
  const id = last;
  const { promise, resolve } = Promise.withResolvers<WorkerAnswer>();
  waiting.set(id, resolve);
  const message: WorkerRequest = { id, url, method, headers, body };
  worker.postMessage(message, body === null ? [] : [body]);
  const answer = await promise;
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
}

const server = Bun.serve({ hostname: "127.0.0.1", port: 0, development: false, fetch: relay });
console.log(`listening on ${server.port}`);

for await (const _ of Bun.stdin.stream()) {
  // Nothing is said to it; only the end counts.
}
process.exit(0);
