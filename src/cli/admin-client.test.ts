import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AdminClient, NodeError } from "./admin-client.ts";

const bounds = { answerTimeoutMs: 50, streamSilenceMs: 50 };
/** For what has to come before a bound does. */
const patient = { answerTimeoutMs: 10_000, streamSilenceMs: 10_000 };
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A client of something that listens where a node would. */
function clientOf(
  answer: (request: Request) => Response | Promise<Response>,
  own = bounds,
): AdminClient {
  const dataDir = mkdtempSync(join(tmpdir(), "levain-client-"));
  cleanups.push(() => rmSync(dataDir, { recursive: true, force: true }));
  const server = Bun.serve({ unix: join(dataDir, "admin.sock"), fetch: answer });
  cleanups.push(() => server.stop(true));
  return new AdminClient({ dataDir }, own);
}

async function collect<T>(lines: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

const forever = () => new Promise<Response>(() => {});

function streamOf(...parts: string[]): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
      },
    }),
  );
}

test("a node that says nothing is NODE_SILENT, for an answer and for a stream", async () => {
  await expect(clientOf(forever).call("status")).rejects.toMatchObject({ code: "NODE_SILENT" });
  await expect(collect(clientOf(forever).stream("logs", { app: "a" }))).rejects.toMatchObject({
    code: "NODE_SILENT",
  });
  const stalled = clientOf(() => streamOf('{"n":1}\n'));
  await expect(collect(stalled.stream("logs", { app: "a" }))).rejects.toMatchObject({
    code: "NODE_SILENT",
  });
});

test("time that the reader takes is not the node's silence", async () => {
  const client = clientOf(() => new Response('{"n":1}\n{"n":2}\n'));
  const lines = client.stream("logs", { app: "a" });
  await lines.next();

  const later = Promise.withResolvers<void>();
  setTimeout(later.resolve, bounds.streamSilenceMs * 2);
  await later.promise;

  expect((await lines.next()).value).toMatchObject({ n: 2 });
});

test("lines may come in any pieces, with empty ones between", async () => {
  const text = '{"m":"é"}\n\n{"m":2}\n\n';
  const bytes = new TextEncoder().encode(text);
  const client = clientOf(
    () =>
      new Response(
        new ReadableStream({
          start(controller) {
            for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
            controller.close();
          },
        }),
      ),
  );

  const lines: unknown[] = await collect(client.stream("logs", { app: "a" }));

  expect(lines).toEqual([{ m: "é" }, { m: 2 }]);
});

test("a stream's last line may be its error", async () => {
  const error = { code: "INTERNAL", message: "m", cause: null, fix: "f", docs: "d" };
  const client = clientOf(() => new Response(`{"m":1}\n${JSON.stringify({ error })}\n`));

  const reading = collect(client.stream("logs", { app: "a" }));

  await expect(reading).rejects.toBeInstanceOf(NodeError);
});

test("what is no node is a lost connection, not a crash", async () => {
  const page = clientOf(() => new Response("<html>", { status: 502 }));

  await expect(page.call("status")).rejects.toMatchObject({ code: "NODE_CONNECTION_LOST" });
});

test("an abort by the caller is INTERRUPTED", async () => {
  const interrupt = new AbortController();
  const client = clientOf(() => {
    interrupt.abort();
    return forever();
  }, patient);

  const call = client.call("apps", { signal: interrupt.signal });

  await expect(call).rejects.toMatchObject({ code: "INTERRUPTED" });
});
