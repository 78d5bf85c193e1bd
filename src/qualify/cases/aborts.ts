/** Requests that are given up, by us and by our clients, and requests that take too long. */
import { askPeer, becomes, type CaseContext, must, within } from "../case-context.ts";

export default async function run(context: CaseContext): Promise<void> {
  await givenUp(context);
  await tooLong(context);
  await clientGone(context);
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).name;
  }
  return "nothing";
}

async function givenUp(context: CaseContext): Promise<void> {
  const rounds = context.isQuick ? 50 : 200;
  for (let round = 0; round < rounds; round++) {
    const controller = new AbortController();
    const asked = fetch(`${context.peer}/silent`, { signal: controller.signal });
    setTimeout(() => controller.abort(), round % 5);
    const name = await within(5000, "a fetch that was given up", failureOf(asked));
    must(name === "AbortError", `a fetch that was given up ends with ${name}`);
  }
  const isClosed = async () => {
    const { silent } = await askPeer<{ silent: number }>(context, "/silent-count");
    return silent === 0;
  };
  await becomes(5000, "connections of fetches that were given up to be closed", isClosed);
}

async function tooLong(context: CaseContext): Promise<void> {
  const startMs = performance.now();
  const silent = fetch(`${context.peer}/silent`, { signal: AbortSignal.timeout(200) });
  const name = await within(5000, "a fetch with a time-out", failureOf(silent));
  context.measure("time-out of 200 ms after", performance.now() - startMs, "ms");
  must(name === "TimeoutError", `a fetch that took too long ends with ${name}`);
  const stalled = await fetch(`${context.peer}/stalls`, { signal: AbortSignal.timeout(300) });
  const body = await within(5000, "a body that stalls", failureOf(stalled.text()));
  must(body === "TimeoutError", `a body that took too long ends with ${body}`);
}

async function clientGone(context: CaseContext): Promise<void> {
  let aborted = 0;
  let cancelled = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch(request) {
      request.signal.addEventListener("abort", () => {
        aborted += 1;
      });
      if (new URL(request.url).pathname === "/waits") return new Promise<Response>(() => {});
      return new Response(
        new ReadableStream({
          async pull(controller) {
            controller.enqueue(new Uint8Array(1024));
            await new Promise((resolve) => setTimeout(resolve, 5));
          },
          cancel(): void {
            cancelled += 1;
          },
        }),
      );
    },
  });
  const count = 20;
  for (const path of ["/waits", "/streams"])
    await askPeer(context, "/leave", { port: server.port, path, count });
  await becomes(5000, `${2 * count} signals of requests to be aborted`, () => aborted >= count);
  await becomes(5000, `${count} streams to be cancelled`, () => cancelled === count);
  context.measure("signals aborted", aborted, "count");
  server.stop(true);
}
