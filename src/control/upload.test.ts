import { expect, test } from "bun:test";
import { watchUpload } from "./upload.ts";

const limits = { bytesMax: 10, silenceMs: 20 };

function chunks(...sizes: number[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const size of sizes) controller.enqueue(new Uint8Array(size));
      controller.close();
    },
  });
}

test("an upload up to its bound passes, one byte more is SOURCE_TOO_LARGE", async () => {
  expect((await new Response(watchUpload(chunks(4, 6), limits)).bytes()).length).toBe(10);

  const large = new Response(watchUpload(chunks(4, 7), limits)).bytes();

  await expect(large).rejects.toMatchObject({ code: "SOURCE_TOO_LARGE" });
});

test("a client that is silent while it is waited for is REQUEST_TIMEOUT, and let go", async () => {
  const cancelled = Promise.withResolvers<void>();
  const silent = new ReadableStream<Uint8Array>({ cancel: () => cancelled.resolve() });

  const read = new Response(watchUpload(silent, limits)).bytes();

  await expect(read).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
  await cancelled.promise;
});

test("nothing is asked of the client before the deploy reads, so nothing is timed", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulls += 1;
        controller.enqueue(new Uint8Array(1));
        controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const upload = watchUpload(body, limits);
  await Promise.resolve();
  expect(pulls).toBe(0);

  expect((await new Response(upload).bytes()).length).toBe(1);
  expect(pulls).toBe(1);
});

test("cancel reaches the client's stream", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const body = new ReadableStream<Uint8Array>({ cancel: (reason) => cancelled.resolve(reason) });

  await watchUpload(body, limits).cancel("enough");

  expect(await cancelled.promise).toBe("enough");
});
