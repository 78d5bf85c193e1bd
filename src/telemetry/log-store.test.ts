/** Goal: what apps print is kept, bounded, and read without a gap. Method: real files in a folder of the test's own. */
import { afterEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import type { LogBounds } from "./app-log.ts";
import type { LogRecord } from "./log-record.ts";
import { LogStore } from "./log-store.ts";

const clock = { wallMs: () => 1_700_000_000_000, nowMs: () => 0 };
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setup(bounds: Partial<LogBounds> = {}) {
  const dir = await mkdtemp(join(tmpdir(), "levain-logs-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const failures: string[] = [];
  const open = () => {
    const onFailure = (app: string, error: Error) =>
      void failures.push(`${app} ${(error as NodeJS.ErrnoException).code}`);
    const store = new LogStore({ dir, clock, bounds: { retryMs: 5, ...bounds }, onFailure });
    cleanups.push(() => store.close());
    return store;
  };
  const files = () => (existsSync(join(dir, "shop")) ? readdirSync(join(dir, "shop")).sort() : []);
  return { dir, failures, open, store: open(), files };
}

function recordOf(message: string, rest: Partial<LogRecord> = {}): LogRecord {
  return {
    time: "2026-01-02T03:04:05.678Z",
    app: "shop",
    version: 7,
    instance: "i1",
    stream: "stdout",
    requestId: null,
    event: null,
    message,
    ...rest,
  };
}

async function messagesOf(records: AsyncIterable<LogRecord>): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message } of records) messages.push(message);
  return messages;
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => `m${from + index}`);

describe("writing", () => {
  test("a record is one line of JSON in its app's folder", async () => {
    const { dir, store, files } = await setup();
    const record = recordOf("two\nlines \u2028 and a \ud83c\udf5e", { fields: { exitCode: 1 } });

    store.write(record);
    store.write(recordOf("other", { app: "blog" }));
    await store.flush();

    expect(files()).toEqual(["000000000000.jsonl"]);
    const text = readFileSync(join(dir, "shop", "000000000000.jsonl"), "utf8");
    expect(text.match(/\n/g)?.length).toBe(1);
    expect(JSON.parse(text)).toEqual(record);
    expect(readdirSync(dir).sort()).toEqual(["blog", "shop"]);
  });

  test("an app's files are bounded in size and number, and hold the newest records", async () => {
    const { dir, store, files } = await setup({
      fileBytesMax: 2000,
      filesMax: 3,
      batchBytesMax: 700,
    });

    for (const message of numbered(0, 300)) {
      store.write(recordOf(message));
      if (message.endsWith("7")) await store.flush();
    }
    await store.flush();

    expect(files().length).toBe(3);
    for (const name of files())
      expect(statSync(join(dir, "shop", name)).size).toBeLessThanOrEqual(2000);
    const kept = await messagesOf(store.read("shop"));
    expect(kept).toEqual(numbered(300 - kept.length, 300));
    // A file is named by the number of its first record.
    expect(Number(files()[0]?.slice(0, 12))).toBe(300 - kept.length);
  });

  test("a message that is too long is cut and says so", async () => {
    const { store } = await setup();

    store.write(recordOf("x".repeat(100_000)));

    const [message = ""] = await messagesOf(store.read("shop"));
    expect(message).toEndWith("x … (cut, 100000 characters)");
    expect(message.length).toBe(16 * 1024);
  });

  test("fields that are too large or no JSON are left out, and the message stays", async () => {
    const { store } = await setup();
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;

    store.write(recordOf("large", { fields: { text: "x".repeat(200_000) } }));
    store.write(recordOf("cycle", { fields: cycle }));
    store.write(recordOf("bigint", { fields: { big: 1n } }));
    store.write(recordOf("\x01".repeat(20_000)));
    await store.flush();

    const records = await Array.fromAsync(store.read("shop"));
    expect(records.map(({ fields }) => fields)).toEqual([
      { leftOut: "too large" },
      { leftOut: "not JSON" },
      { leftOut: "not JSON" },
      undefined,
    ]);
    expect(records[3]?.message).toStartWith("\x01\x01");
  });

  test("more than the backlog holds is dropped, counted, and the gap is in its place", async () => {
    const { store } = await setup({ backlogBytesMax: 2000 });

    for (const message of numbered(0, 100)) store.write(recordOf(message));
    await store.flush();
    for (const message of numbered(100, 103)) store.write(recordOf(message));
    await store.flush();

    const records = await Array.fromAsync(store.read("shop"));
    const gap = records.findIndex(({ event }) => event === "throttle");
    const dropped = records[gap]?.fields?.dropped as number;
    expect(dropped).toBeGreaterThan(50);
    expect(records.slice(0, gap).map(({ message }) => message)).toEqual(numbered(0, 100 - dropped));
    expect(records.slice(gap + 1).map(({ message }) => message)).toEqual(numbered(100, 103));
    expect(records[gap]).toMatchObject({ app: "shop", stream: "platform", version: null });
  });

  test("the backlogs of all apps together are bounded", async () => {
    const { store } = await setup({ backlogBytesMax: 10_000, backlogTotalBytesMax: 5_000 });

    for (const message of numbered(0, 20)) store.write(recordOf(message, { app: "a" }));
    for (const message of numbered(0, 20)) store.write(recordOf(message, { app: "b" }));
    await store.flush();

    expect((await messagesOf(store.read("a"))).length).toBe(20);
    const [first, ...rest] = await messagesOf(store.read("b"));
    expect(first).toBe("m0");
    expect(rest.at(-1)).toContain("left out here");
    // Given back: the same fits again.
    for (const message of numbered(20, 40)) store.write(recordOf(message, { app: "a" }));
    expect(await messagesOf(store.read("a"))).toEqual(numbered(0, 40));
  });

  test("a name that would leave the folder never becomes a path", async () => {
    const { store } = await setup();

    for (const app of ["..", ".", "", "../x", "a/b", "/etc", "a\0b"]) {
      expect(() => store.write(recordOf("m", { app }))).toThrow("an app's name is a file name");
    }
  });
});

describe("failures", () => {
  test("a full disk costs what does not fit in the backlog and nothing after it has room again", async () => {
    const { dir, store, failures, files } = await setup({ backlogBytesMax: 2000 });
    await mkdir(join(dir, "shop"));
    await symlink("/dev/full", join(dir, "shop", "000000000000.jsonl"));

    for (const message of numbered(0, 100)) store.write(recordOf(message));
    await until(() => failures.length > 0);
    for (const message of numbered(100, 200)) store.write(recordOf(message));
    for (let tries = 0; tries < 3; tries++) await store.flush();
    expect(failures).toEqual(["shop ENOSPC"]);
    await unlink(join(dir, "shop", "000000000000.jsonl"));
    await until(() => files().length > 0);
    await store.flush();
    store.write(recordOf("after"));

    const records = await Array.fromAsync(store.read("shop"));
    const gap = records.findIndex(({ event }) => event === "throttle");
    expect(records.slice(0, gap).map(({ message }) => message)).toEqual(numbered(0, gap));
    expect(records[gap]?.fields).toEqual({ dropped: 200 - gap });
    expect(records.at(-1)?.message).toBe("after");
  });

  test("a folder that cannot be written is tried again until it can", async () => {
    const { dir, store, failures } = await setup();
    await writeFile(join(dir, "shop"), "a file where the folder should be");

    store.write(recordOf("before"));
    await until(() => failures.length > 0);
    await rm(join(dir, "shop"));
    store.write(recordOf("after"));
    await until(() => existsSync(join(dir, "shop", "000000000000.jsonl")));

    expect(failures).toEqual(["shop ENOTDIR"]);
    expect(await messagesOf(store.read("shop"))).toEqual(["before", "after"]);
  });

  test("what can be read while the disk is full includes what waits for it", async () => {
    const { dir, store, failures } = await setup();
    await mkdir(join(dir, "shop"));
    await symlink("/dev/full", join(dir, "shop", "000000000000.jsonl"));
    const stop = new AbortController();
    const followed: string[] = [];
    store.write(recordOf("one"));
    await until(() => failures.length > 0);

    const following = (async () => {
      for await (const { message } of store.follow("shop", {}, stop.signal)) followed.push(message);
    })();
    store.write(recordOf("two"));
    await until(() => followed.length === 2);
    stop.abort();
    await following;

    expect(followed).toEqual(["one", "two"]);
  });

  test("a line that a crash cut off is not read, and the next record does not stick to it", async () => {
    const { dir, store, open, files } = await setup();
    for (const message of numbered(0, 3)) store.write(recordOf(message));
    await store.close();
    appendFileSync(join(dir, "shop", files()[0]!), '{"time":"2026-01-02T03:04:05.678Z","app":"sh');

    const next = open();
    expect(await messagesOf(next.read("shop"))).toEqual(numbered(0, 3));
    next.write(recordOf("m3"));
    await next.flush();

    expect(await messagesOf(next.read("shop"))).toEqual(numbered(0, 4));
    expect(readFileSync(join(dir, "shop", files()[0]!), "utf8")).not.toContain('"sh{');
  });

  test("bytes that a failed write left behind are not taken for records", async () => {
    const { dir, store, open, files } = await setup({ fileBytesMax: 600 });
    const leaveBehind = () => {
      const lines = [recordOf("left"), recordOf("behind")].map((record) => JSON.stringify(record));
      appendFileSync(join(dir, "shop", files().at(-1)!), `${lines.join("\n")}\n{"ti`);
    };

    // In the file that is appended to, in one that is full by then, and in one that the next store finds.
    for (const message of numbered(0, 12)) {
      store.write(recordOf(message));
      await store.flush();
      leaveBehind();
    }
    store.write(recordOf("m12"));
    await store.close();

    const kept = await messagesOf(open().read("shop"));
    expect(kept).toEqual(numbered(13 - kept.length, 13));
    expect(files().length).toBe(4);
  });

  test("lines that are no records are passed over", async () => {
    const { dir, store } = await setup();
    await mkdir(join(dir, "shop"));
    const lines = ["\0\0\0\0", "null", "[]", '"text"', "{}", JSON.stringify(recordOf("good")), ""];
    await writeFile(join(dir, "shop", "000000000000.jsonl"), `${lines.join("\n")}\n`);
    await writeFile(join(dir, "shop", "notes.txt"), "not ours");

    store.write(recordOf("next"));

    expect(await messagesOf(store.read("shop"))).toEqual(["good", "next"]);
  });

  test("files that somebody removed or emptied are begun anew", async () => {
    const { dir, store, files } = await setup();
    store.write(recordOf("m0"));
    await store.flush();
    await rm(join(dir, "shop"), { recursive: true });
    store.write(recordOf("m1"));
    await store.flush();
    await truncate(join(dir, "shop", files()[0]!), 0);
    store.write(recordOf("m2"));
    await store.flush();

    expect(await messagesOf(store.read("shop"))).toContain("m2");
    expect((await messagesOf(store.read("shop"))).at(-1)).toBe("m2");
  });
});

describe("reading", () => {
  test("records are there at once, in a file or not", async () => {
    const { store } = await setup();

    store.write(recordOf("m0"));
    expect(await messagesOf(store.read("shop"))).toEqual(["m0"]);
    await store.flush();
    store.write(recordOf("m1"));

    expect(await messagesOf(store.read("shop"))).toEqual(["m0", "m1"]);
  });

  test("an app without a log has no records, and reading makes no folder", async () => {
    const { store, files } = await setup();

    expect(await messagesOf(store.read("shop"))).toEqual([]);
    expect(files()).toEqual([]);
  });

  test("version, time and text choose among the records, together", async () => {
    const { store } = await setup();
    const at = (seconds: number) => `2026-01-01T00:00:${String(seconds).padStart(2, "0")}.000Z`;
    for (let index = 0; index < 20; index++) {
      store.write(recordOf(`m${index}`, { version: index % 2, time: at(index) }));
    }
    store.write(recordOf("of no version", { version: null, time: at(59) }));
    const sinceMs = Date.parse(at(10));

    expect((await messagesOf(store.read("shop", { sinceMs }))).length).toBe(11);
    expect((await messagesOf(store.read("shop", { version: 1 }))).length).toBe(10);
    expect(await messagesOf(store.read("shop", { grep: "1" }))).toEqual([
      "m1",
      ...numbered(10, 20),
    ]);
    expect(await messagesOf(store.read("shop", { version: 1, sinceMs, grep: "7" }))).toEqual([
      "m17",
    ]);
  });

  test("tail gives the newest that match, over all files and what is in none yet", async () => {
    const { store } = await setup({ fileBytesMax: 1000, filesMax: 100 });
    for (const message of numbered(0, 60)) store.write(recordOf(message));
    await store.flush();
    for (const message of numbered(60, 70)) store.write(recordOf(message));

    expect(await messagesOf(store.read("shop", { tail: 3 }))).toEqual(["m67", "m68", "m69"]);
    expect(await messagesOf(store.read("shop", { tail: 25 }))).toEqual(numbered(45, 70));
    expect(await messagesOf(store.read("shop", { tail: 1000 }))).toEqual(numbered(0, 70));
    expect(await messagesOf(store.read("shop", { tail: 2, grep: "5" }))).toEqual(["m59", "m65"]);
    expect(await messagesOf(store.read("shop", { tail: 9, grep: "11" }))).toEqual(["m11"]);
    expect(await messagesOf(store.read("shop", { tail: 9, grep: "none" }))).toEqual([]);
  });

  test("records of a store that was closed are read by the next", async () => {
    const { store, open } = await setup({ fileBytesMax: 1000, filesMax: 100 });
    for (const message of numbered(0, 50)) store.write(recordOf(message));
    await store.close();

    const next = open();
    for (const message of numbered(50, 60)) next.write(recordOf(message));

    expect(await messagesOf(next.read("shop"))).toEqual(numbered(0, 60));
    expect(await messagesOf(next.read("shop", { tail: 12 }))).toEqual(numbered(48, 60));
  });
});

describe("following", () => {
  test("gives what there is and then what comes, and ends at the signal", async () => {
    const { store } = await setup();
    store.write(recordOf("m0"));
    await store.flush();
    store.write(recordOf("m1"));
    const stop = new AbortController();
    const seen: string[] = [];

    const following = (async () => {
      for await (const { message } of store.follow("shop", {}, stop.signal)) seen.push(message);
    })();
    await until(() => seen.length === 2);
    for (const message of numbered(2, 50)) {
      store.write(recordOf(message));
      if (message.endsWith("3")) await store.flush();
    }
    await until(() => seen.length === 50);
    stop.abort();
    await following;

    expect(seen).toEqual(numbered(0, 50));
  });

  test("tail and filters count for old records, filters also for new ones", async () => {
    const { store } = await setup();
    for (const message of numbered(0, 30)) store.write(recordOf(message));
    const stop = new AbortController();
    const seen: string[] = [];

    const following = (async () => {
      for await (const { message } of store.follow("shop", { tail: 2, grep: "7" }, stop.signal)) {
        seen.push(message);
      }
    })();
    await until(() => seen.length === 2);
    for (const message of numbered(30, 50)) store.write(recordOf(message));
    await until(() => seen.length === 4);
    stop.abort();
    await following;

    expect(seen).toEqual(["m17", "m27", "m37", "m47"]);
  });

  test("a reader that rotation overtakes is told how many records it missed, and goes on", async () => {
    const { store } = await setup({ fileBytesMax: 1000, filesMax: 2 });
    store.write(recordOf("m0"));
    const stop = new AbortController();
    const reader = store.follow("shop", {}, stop.signal)[Symbol.asyncIterator]();
    expect((await reader.next()).value?.message).toBe("m0");

    for (const message of numbered(1, 200)) {
      store.write(recordOf(message));
      if (message.endsWith("5")) await store.flush();
    }
    await store.flush();
    const gap = (await reader.next()).value as LogRecord;
    const first = (await reader.next()).value as LogRecord;
    stop.abort();

    expect(gap.event).toBe("throttle");
    expect(first.message).toBe(`m${1 + (gap.fields?.dropped as number)}`);
  });

  test("removing a log ends its readers and takes its files; the next record begins a new one", async () => {
    const { dir, store } = await setup();
    for (const message of numbered(0, 5)) store.write(recordOf(message));
    const seen: string[] = [];
    const following = (async () => {
      for await (const { message } of store.follow("shop", {}, new AbortController().signal)) {
        seen.push(message);
      }
    })();
    await until(() => seen.length === 5);

    await store.remove("shop");
    await following;
    expect(existsSync(join(dir, "shop"))).toBe(false);
    store.write(recordOf("new"));
    await store.flush();

    expect(seen).toEqual(numbered(0, 5));
    expect(await messagesOf(store.read("shop"))).toEqual(["new"]);
  });

  test("closing the store gives its readers the last records and ends them", async () => {
    const { store } = await setup();
    const following = messagesOf(store.follow("shop", {}, new AbortController().signal));

    for (const message of numbered(0, 500)) store.write(recordOf(message));
    await store.close();
    store.write(recordOf("too late"));

    expect(await following).toEqual(numbered(0, 500));
    await store.close();
  });

  test("a reader that leaves early, or is forgotten, holds nothing open", async () => {
    const { store } = await setup({ fileBytesMax: 1_000_000 });
    for (const message of numbered(0, 2000)) store.write(recordOf(message));
    await store.flush();
    const openFiles = () => readdirSync("/proc/self/fd").length;
    const before = openFiles();

    for (let index = 0; index < 20; index++) {
      for await (const { message } of store.follow("shop", {}, new AbortController().signal)) {
        if (message === "m3") break;
      }
      const forgotten = store.follow("shop", {}, new AbortController().signal);
      await forgotten[Symbol.asyncIterator]().next();
    }

    expect(openFiles()).toBe(before);
  });
});
