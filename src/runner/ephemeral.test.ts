/** Apps whose every request has a life of its own. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestRunner } from "./runner-for-tests.ts";

let runner: TestRunner;

beforeEach(async () => {
  runner = await TestRunner.start("ephemeral.ts", { ephemeral: true });
});

afterEach(() => runner[Symbol.asyncDispose]());

const failure = (path: string) => runner.ask(path).catch((error) => error);
const log = async (): Promise<string[]> => JSON.parse((await runner.ask("/log")).text);

/** Asks until `claim` holds. */
async function until<Value>(
  value: () => Promise<Value>,
  claim: (value: Value) => boolean,
): Promise<Value> {
  while (true) {
    const now = await value();
    if (claim(now)) return now;
  }
}

describe("a request of an ephemeral app", () => {
  test("finds fresh modules each time, and is their main", async () => {
    const births = new Set<string>();
    for (let round = 0; round < 5; round++) {
      expect((await runner.ask("/count")).text).toBe("1");
      expect((await runner.ask("/main")).text).toBe("true");
      births.add((await runner.ask("/born")).text);
    }

    expect(births.size).toBe(5);
  });

  test("is answered in all the ways of other apps", async () => {
    expect((await runner.ask("/json")).text).toBe('{"a":1}');
    expect((await runner.ask("/file")).text).toBe("hello file\n");
    const request = runner.request("/body", { method: "POST", isOpen: true });
    request.write("one ");
    request.write("two");
    request.end();
    expect((await request.answer).text).toBe("one two");
  });

  test("streams to the end before its modules go", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => runner.ask("/stream")));

    expect(answers.map(({ text }) => text)).toEqual(Array(20).fill("one two three"));
  });

  test("prints under its id", async () => {
    await runner.ask("/count", { requestId: "ephemeral-1" });

    await runner.printed("stdout", (text) => text.includes("\x1eephemeral-1\x1fhandling\n"));
  });
});

describe("a bundled app", () => {
  test("is read once, and its modules are fresh and know where they are", async () => {
    const root = mkdtempSync(join(tmpdir(), "levain-bundled-"));
    const entry = join(root, "app.js");
    const module = (text: string) => `// @bun
      let count = 0;
      export default { fetch: () => Response.json({ count: ++count, text: "${text}", main: import.meta.main, path: import.meta.path }) };`;
    writeFileSync(entry, module("first"));
    await using bundled = await TestRunner.start("app.js", { ephemeral: true, root });
    writeFileSync(entry, module("second"));

    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => bundled.ask("/")));
      for (const { text } of answers) {
        expect(JSON.parse(text)).toEqual({ count: 1, text: "first", main: true, path: entry });
      }
    }
    rmSync(root, { recursive: true });
  });
});

describe("a long body", () => {
  const send = async (path: string, bytes: number) => {
    const request = runner.request(path, { method: "POST", isOpen: true });
    const body = Buffer.alloc(bytes, "b");
    for (let at = 0; at < bytes; ) {
      const taken = request.send(body, at, bytes);
      at += taken;
      if (taken === 0) await Bun.sleep(0);
    }
    request.sendEnd();
    return request.answer;
  };

  test.each(["/length", "/refuses-body"])(
    "that %s leaves behind grants of the window does not silence the process",
    async (path) => {
      for (const bytes of [150_000, 200_000, 250_000]) {
        for (let round = 0; round < 5; round++) {
          const { text } = await send(path, bytes);
          expect(text).toBe(path === "/length" ? String(bytes) : "no");
        }
      }
      expect((await runner.ask("/json")).status).toBe(200);
    },
  );

  test("is answered also by an app that has replaced the global timers", async () => {
    expect((await runner.ask("/fake-timers")).text).toBe("faked");
    expect((await send("/length", 200_000)).text).toBe("200000");
  });
});

describe("what a request leaves behind goes with it", () => {
  test("timers and loops", async () => {
    await runner.ask("/leaves-timer");
    await runner.ask("/leaves-loop");
    const before = await log();

    // Each of them waits for three timers of its own.
    for (let round = 0; round < 6; round++) await runner.ask("/stream");

    expect(await log()).toEqual(before);
  });

  test("sockets it listens on", async () => {
    const port = Number((await runner.ask("/leaves-server")).text);

    const refused = () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1", () => {
          socket.destroy();
          resolve(false);
        });
        socket.on("error", () => resolve(true));
      });

    expect(await until(refused, (isRefused) => isRefused)).toBe(true);
  });

  test("children", async () => {
    const pid = Number((await runner.ask("/leaves-child")).text);

    const isGone = async () => {
      try {
        // Its parent may not have waited for it yet.
        return readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
      } catch {
        return true;
      }
    };

    expect(await until(isGone, (gone) => gone)).toBe(true);
  });

  test("memory: it does not grow over thousands of requests", async () => {
    const rounds = async (count: number) => {
      for (let round = 0; round < count / 20; round++) {
        await Promise.all(Array.from({ length: 20 }, () => runner.ask("/json")));
      }
    };
    const residentBytes = () => {
      const pages = readFileSync(`/proc/${runner.child.pid}/statm`, "utf8").split(" ")[1];
      return Number(pages) * 4096;
    };
    await rounds(2000);
    const before = residentBytes();

    // Garbage comes and goes; what stays is in the least of several looks.
    const grownBytes: number[] = [];
    for (let look = 0; look < 6; look++) {
      await rounds(1000);
      grownBytes.push(residentBytes() - before);
    }
    expect(Math.min(...grownBytes.slice(3))).toBeLessThan(32 * 1024 * 1024);
  }, 120_000);
});

describe("a request that fails", () => {
  test("by throwing or rejecting is told to the app's own error handler", async () => {
    expect(await failure("/throw")).toMatchObject({ reason: "HANDLER_THREW", message: "thrown" });
    expect(await runner.ask("/reject")).toMatchObject({
      status: 555,
      text: "handled in request 1",
    });
  });

  test("by an error that nobody catches fails alone", async () => {
    const others = Array.from({ length: 10 }, () => runner.ask("/stream"));

    const failed = await Promise.all([failure("/unhandled"), failure("/throw-in-timer")]);

    expect(failed.map(({ reason, message }) => [reason, message])).toEqual([
      ["HANDLER_THREW", "nobody catches"],
      ["HANDLER_THREW", "in a timer"],
    ]);
    for (const other of await Promise.all(others)) expect(other.text).toBe("one two three");
    await runner.printed("stderr", (text) => text.includes("nobody catches"));
    expect(runner.child.exitCode).toBeNull();
  });

  test("while its body is on the way is cut, not left hanging", async () => {
    const request = runner.request("/throw-while-streaming");
    const error = await request.answer.catch((error) => error);

    expect([error.reason, error.message]).toEqual(["BODY_FAILED", "while it streams"]);
    expect(request.received.toString()).toBe("start ");
  });

  test("after it was answered harms nobody", async () => {
    for (let round = 0; round < 20; round++) {
      expect((await runner.ask("/unhandled-after-answer")).text).toBe("answered");
    }

    expect((await runner.ask("/count")).text).toBe("1");
  });
});

describe("a client that goes", () => {
  test("ends its request: the signal aborts, the body is cancelled, the modules go", async () => {
    const waiting = runner.request("/signal");
    const streaming = runner.request("/idle-stream");
    await streaming.until((text) => text === "start");
    await until(log, (entries) => entries.includes("listening"));

    waiting.cancel();
    streaming.cancel();

    await until(log, (entries) => entries.includes("aborted") && entries.includes("cancelled"));
    expect(runner.channel.openStreams).toBe(0);
  });
});

describe("an ephemeral app that cannot serve", () => {
  test.each([
    ["ends.ts", "NO_HANDLER"],
    ["throws-at-top.ts", "THREW"],
  ])("%s is told at load: %s", async (entry, code) => {
    const env = { KIND: "throw" };
    const error = await TestRunner.start(entry, { ephemeral: true, env }).catch((error) => error);

    expect(error.failure).toMatchObject({ type: "failed", code });
  });
});
