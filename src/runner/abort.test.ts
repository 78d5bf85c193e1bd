/** A client that goes away: everything in the app that works for it hears so, at once and once. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { TestRunner } from "./runner-for-tests.ts";

const closed = "AbortError: The connection was closed.";

let runner: TestRunner;

beforeEach(async () => {
  runner = await TestRunner.start("streams.ts");
});

afterEach(() => runner[Symbol.asyncDispose]());

const noted = async (start: string) =>
  (await runner.ask(`/notes?${encodeURIComponent(start)}`)).text;

describe("req.signal", () => {
  test("aborts when the client goes before the answer", async () => {
    const request = runner.request("/signal");
    await noted("listening");

    request.cancel();

    expect(await noted("aborted")).toBe(`aborted ${closed}`);
  });

  test("is aborted for one who asks for it only afterwards", async () => {
    const request = runner.request("/signal/late");
    await noted("waiting");

    request.cancel();
    await runner.ask("/go-on");

    expect(await noted("late")).toBe(`late: true ${closed}`);
  });

  test("reaches copies of the request", async () => {
    const request = runner.request("/signal/copies");
    await noted("copied");

    request.cancel();

    for (const name of ["clone", "copy", "changed", "given"]) {
      expect(await noted(`${name} aborted`)).toBe(`${name} aborted ${closed}`);
    }
  });

  test("ends a fetch that was given it", async () => {
    const request = runner.request("/signal/fetch");
    await noted("upstream asked");

    request.cancel();

    expect(await noted("fetch")).toBe(`fetch: ${closed}`);
    await noted("upstream closed");
  });

  test("does not abort when the request was answered", async () => {
    await runner.ask("/signal/done");
    await runner.ask("/go-on");

    const notes: string[] = JSON.parse((await runner.ask("/all-notes")).text);
    expect(notes.filter((text) => text.startsWith("aborted"))).toEqual([]);
  });
});

describe("a body of the app's", () => {
  test("that is idle hears at once", async () => {
    const request = runner.request("/events");
    await request.until((text) => text.includes("hello"));

    request.cancel();

    expect(await noted("events")).toBe(`events cancelled ${closed}`);
  });

  test("that is held back by a slow client hears at once", async () => {
    const request = runner.request("/endless", { isSlow: true });
    await request.until((text) => text.length >= 256 * 1024);

    request.cancel();

    expect(await noted("endless")).toBe(`endless cancelled ${closed}`);
  });

  test("that is a generator runs its finally", async () => {
    const request = runner.request("/generator");
    await request.until((text) => text.includes("more"));

    request.cancel();

    await noted("generator finished");
  });

  test("that was made after the client went is cancelled, not read", async () => {
    const request = runner.request("/late-stream");
    await noted("handling");

    request.cancel();
    await runner.ask("/go-on");

    expect(await noted("late stream")).toBe(`late stream cancelled ${closed}`);
  });
});

describe("a body of the client's", () => {
  test("that breaks off is an error for its reader", async () => {
    const request = runner.request("/read-all", { method: "POST", isOpen: true });
    request.write("half of");
    await noted("reading all");

    request.cancel();

    expect(await noted("reader")).toBe(`reader: ${closed}`);
  });
});

describe("the wire", () => {
  test("every cancelled request is let go of, whatever the app does", async () => {
    const paths = ["/signal", "/events", "/endless", "/generator", "/memory", "/echo"];
    for (let round = 0; round < 50; round++) {
      const isOpen = round % 2 === 0;
      const request = runner.request(paths[round % paths.length]!, { method: "POST", isOpen });
      if (isOpen) request.write("x");
      if (round % 3 === 0) await runner.ask("/produced");
      request.cancel();
    }

    while (runner.channel.openStreams > 0) await runner.ask("/produced");

    expect(runner.stderr).toBe("");
    expect((await runner.ask("/produced")).status).toBe(200);
  });
});
