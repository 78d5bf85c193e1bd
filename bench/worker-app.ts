/** The worker's side of `serve-worker.ts`: a message becomes a request, its answer a message. Argument: module. */
import type { WorkerAnswer, WorkerRequest } from "./serve-worker.ts";

declare const self: Worker;

const { default: app } = (await import(process.argv.at(-1)!)) as {
  default: { fetch(request: Request): Response | Promise<Response> };
};

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  const { id, url, method, headers, body } = data;
  const response = await app.fetch(new Request(url, { method, headers, body }));
  const answer: WorkerAnswer = {
    id,
    status: response.status,
    headers: [...response.headers] as [string, string][],
    body: await response.arrayBuffer(),
  };
  self.postMessage(answer, [answer.body]);
};
self.postMessage("ready");
