/**
 * Goal: who is slow, slows only himself. Neither the app nor the node keeps what the other side does not take.
 * Method: a client that stops reading, and an app that does not read, with bodies much larger than all buffers between.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { get, head } from "./corpus/request-text.ts";
import { RawConnection } from "./raw-client.ts";
import { markCount, newKey } from "./run-case.ts";
import { type Shape, shapes, startEdge, type Target } from "./targets.ts";

/** More than the kernel's and the wire's buffers hold, much less than is offered. Bytes. */
const bufferedBytesMax = 32 * 1024 * 1024;
/** One piece of `/paced/endless`. Bytes. */
const pieceBytes = 64 * 1024;
/** When a count has not changed for so long, nothing moves any more. Milliseconds. */
const stillMs = 250;

/** Reads a count until it stands still, and gives it. */
async function settled(count: () => number | Promise<number>): Promise<number> {
  let last = await count();
  let sinceMs = performance.now();
  while (performance.now() - sinceMs < stillMs) {
    await Bun.sleep(10);
    const next = await count();
    if (next !== last) sinceMs = performance.now();
    last = next;
  }
  return last;
}

describe.each(shapes)("the %s shape behind the edge", (shape: Shape) => {
  let edge: Target;
  beforeAll(async () => {
    edge = await startEdge(shape);
  });
  afterAll(() => edge?.stop());

  const open = (method: string) =>
    RawConnection.open({ port: edge.port, host: edge.host, deadlineMs: 20_000 }, [{ method }]);
  const noted = (name: string) => markCount(edge, edge.host, name);

  test("an app makes no more of an answer than a client that stopped reading can be given", async () => {
    const key = newKey();
    const client = await open("GET");
    await client.take(get(`/paced/endless?key=${key}`));
    await client.take({ until: "body", bytes: pieceBytes });

    await client.take({ reading: false });
    const stalled = await settled(() => noted(`${key}:pulled`));

    expect(stalled * pieceBytes).toBeLessThan(bufferedBytesMax);
    await client.take({ reading: true });
    await client.take({ until: "body", bytes: (stalled + 10) * pieceBytes });
    expect(await noted(`${key}:pulled`)).toBeGreaterThan(stalled);

    client.hangUp();
    await client.take({ meanwhile: get(`/marks/wait?name=${key}:cancelled`) });
  });

  test("a client can send no more of a body than an app that does not read can be given", async () => {
    const key = newKey();
    const totalBytes = 64 * 1024 * 1024;
    const client = await open("POST");
    await client.take(
      head(`POST /paced/read?key=${key} HTTP/1.1`, `Content-Length: ${totalBytes}`),
    );
    let sentBytes = 0;
    const piece = Buffer.alloc(pieceBytes, "x");
    const sending = (async () => {
      for (; sentBytes < totalBytes; sentBytes += pieceBytes) await client.send(piece);
    })();

    const stalledBytes = await settled(() => sentBytes);

    expect(stalledBytes).toBeLessThan(bufferedBytesMax);
    expect(await noted("none")).toBe(0); // other requests are answered meanwhile
    await client.take({ meanwhile: get(`/marks/add?name=${key}:go`) });
    await sending;
    await client.take({ until: "answer" });
    expect(client.answers[0]?.body.latin1Slice()).toBe(String(totalBytes));
    client.hangUp();
  });

  test("20 clients that stopped reading do not stop another", async () => {
    const key = newKey();
    const stopped = await Promise.all(Array.from({ length: 20 }, () => open("GET")));
    for (const client of stopped) {
      await client.take(get(`/paced/endless?key=${key}`));
      await client.take({ until: "head" });
      await client.take({ reading: false });
    }
    await settled(() => noted(`${key}:pulled`));

    const client = await open("GET");
    await client.take(get("/body/large-stream?n=3000000"));
    await client.take({ until: "answer" });

    expect(client.answers[0]?.body.length).toBe(3_000_000);
    for (const one of [client, ...stopped]) one.hangUp();
  });
});
