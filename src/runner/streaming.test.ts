/** Bodies in both directions: order, what is held back and by whom. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { dataBytesMax, streamWindowBytes } from "../wire/limits.ts";
import { TestRunner } from "./runner-for-tests.ts";
import { settled } from "./settled-for-tests.ts";

let runner: TestRunner;

beforeEach(async () => {
  runner = await TestRunner.start("streams.ts");
});

afterEach(() => runner[Symbol.asyncDispose]());

const produced = async () => Number((await runner.ask("/produced")).text);

describe("from the app", () => {
  test("each event arrives before the next is made", async () => {
    const events = runner.request("/events");
    expect((await events.head).headers["content-type"]).toBe("text/event-stream");
    await events.until((text) => text === ": hello\n\n");

    for (const text of ["one", "two", "three"]) {
      await runner.ask("/emit", { method: "POST", body: text });
      await events.until((body) => body.endsWith(`data: ${text}\n\n`));
    }
  });

  test("an app makes no more than a window ahead of a node that takes nothing", async () => {
    const request = runner.request("/endless", { isSlow: true });
    await request.head;

    const bytes = await settled(produced);

    expect(request.receivedBytes).toBe(streamWindowBytes);
    expect(bytes).toBeLessThanOrEqual(streamWindowBytes + 2 * dataBytesMax);
    request.cancel();
  });

  test("it goes on where it stood as the node takes more", async () => {
    const request = runner.request("/endless", { isSlow: true });
    await request.until((text) => text.length === streamWindowBytes);

    request.granted(streamWindowBytes);
    await request.until((text) => text.length === 2 * streamWindowBytes);
    const bytes = await settled(produced);

    expect(bytes).toBeLessThanOrEqual(2 * streamWindowBytes + 2 * dataBytesMax);
    request.cancel();
  });

  test("a buffer that is larger than the window waits for it too", async () => {
    const request = runner.request("/memory", { isSlow: true });
    await request.until((text) => text.length === streamWindowBytes);
    expect((await request.head).contentLength).toBe(8 * 1024 * 1024);
    await runner.ask("/produced");
    expect(request.receivedBytes).toBe(streamWindowBytes);

    while (request.receivedBytes < 8 * 1024 * 1024) {
      const before = request.receivedBytes;
      request.granted(streamWindowBytes);
      await request.until((text) => text.length > before);
    }

    expect((await request.answer).body.length).toBe(8 * 1024 * 1024);
  });

  test("memory that the app uses again after it was enqueued is sent as it was", async () => {
    const { text } = await runner.ask("/reused-memory");

    const letters = Array.from({ length: 20 }, (_, at) => String.fromCharCode(97 + at).repeat(10));
    expect(text).toBe(letters.join(""));
  });

  test("thousands of small pieces keep their order", async () => {
    expect((await runner.ask("/tiny-pieces")).text).toBe("ab".repeat(5000));
  });

  test("one slow reader does not slow another request", async () => {
    const slow = runner.request("/endless", { isSlow: true });
    await slow.until((text) => text.length === streamWindowBytes);

    for (let round = 0; round < 20; round++) {
      expect((await runner.ask("/memory")).body.length).toBe(8 * 1024 * 1024);
    }

    slow.cancel();
  });
});

describe("to the app", () => {
  test("a node can send no more than a window ahead of an app that does not read", async () => {
    const request = runner.request("/read-in-steps", { method: "POST", isOpen: true });
    const body = Buffer.alloc(4 * streamWindowBytes, "x");
    request.write(body);
    await runner.ask("/notes?reading in steps".replaceAll(" ", "%20"));

    expect(body.length - request.unsentBytes).toBe(streamWindowBytes);

    let read = 0;
    while (read < body.length) read += Number((await runner.ask("/step")).text);
    expect(read).toBe(body.length);
    expect(request.unsentBytes).toBe(0);
    request.cancel();
  });

  test("a large body arrives whole", async () => {
    const request = runner.request("/count", { method: "POST", isOpen: true });
    request.write(Buffer.alloc(5_000_000));
    request.end();

    expect((await request.answer).text).toBe("5000000");
  });

  test("an app can send back what it reads while it reads", async () => {
    const request = runner.request("/echo", { method: "POST", isOpen: true });

    for (const piece of ["one", "two", "three"]) {
      request.write(piece);
      await request.until((text) => text.endsWith(piece));
    }
    request.end();

    expect((await request.answer).text).toBe("onetwothree");
  });

  test("an app can answer before the body has come, and the rest is dropped", async () => {
    const request = runner.request("/never-read", { method: "POST", isOpen: true });
    request.write(Buffer.alloc(streamWindowBytes));

    expect((await request.answer).text).toBe("early");
    request.write(Buffer.alloc(1000));
    request.end();

    expect((await runner.ask("/produced")).status).toBe(200);
  });

  test("whoever still reads when the request is answered gets an error", async () => {
    const request = runner.request("/answer-then-read", { method: "POST", isOpen: true });
    request.write("some");

    expect((await request.answer).text).toBe("answered");

    expect((await runner.ask("/notes?late")).text).toBe(
      "late reader: AbortError: The connection was closed.",
    );
  });

  test("a body that the app cancels is taken off the client's hands", async () => {
    const request = runner.request("/cancel-body", { method: "POST", isOpen: true });
    request.write(Buffer.alloc(8 * streamWindowBytes));
    request.end();

    while (request.unsentBytes > 0) await runner.ask("/produced");
    await runner.ask("/go-on");

    expect((await request.answer).text).toBe("cancelled");
  });
});
