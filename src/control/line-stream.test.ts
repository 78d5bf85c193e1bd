import { expect, test } from "bun:test";
import { streamBacklogBytesMax } from "./limits.ts";
import { type LineWriter, lineStream } from "./line-stream.ts";

const open = new AbortController().signal;

test("each value is a line of JSON, and the stream ends when the producer does", async () => {
  const response = lineStream({
    signal: open,
    stopping: open,
    async produce(lines) {
      lines.write({ a: 1 });
      lines.write("two\nlines");
    },
  });

  expect(await response.text()).toBe('{"a":1}\n"two\\nlines"\n');
});

test("a silent stream shows with an empty line that it is alive", async () => {
  const over = Promise.withResolvers<void>();
  const response = lineStream({
    signal: open,
    stopping: open,
    heartbeatMs: 5,
    produce: () => over.promise,
  });
  const reader = response.body!.getReader();

  const { value } = await reader.read();
  over.resolve();

  expect(new TextDecoder().decode(value)).toBe("\n");
});

test("a full stream makes its producer wait until the client reads, or is gone", async () => {
  const waited = Promise.withResolvers<void>();
  let writer: LineWriter | undefined;
  const response = lineStream({
    signal: open,
    stopping: open,
    async produce(lines) {
      writer = lines;
      lines.write("x".repeat(streamBacklogBytesMax));
      await lines.drained();
      waited.resolve();
    },
  });
  expect(writer?.isFull).toBe(true);

  await response.body!.getReader().read();

  await waited.promise;
  expect(writer?.isFull).toBe(false);
});

test("the producer's signal aborts at the client's end and at the server's, which takes its last words", async () => {
  for (const end of ["response", "client", "server"] as const) {
    const client = new AbortController();
    const server = new AbortController();
    const aborted = Promise.withResolvers<void>();
    const response = lineStream({
      signal: client.signal,
      stopping: server.signal,
      async produce(lines, signal) {
        signal.addEventListener("abort", () => aborted.resolve());
        await aborted.promise;
        lines.write("last words");
        await lines.drained();
      },
    });

    if (end === "response") await response.body!.cancel();
    else (end === "client" ? client : server).abort();

    await aborted.promise;
    if (end === "client") expect(await response.text()).toBe("");
    if (end === "server") expect(await response.text()).toBe('"last words"\n');
  }
});
