/** What an app prints: the text that plain Bun prints, with the request's id in front of every line. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { tagLines } from "./console.ts";
import { prints } from "./fixtures/prints.ts";
import { taggedLinesMax } from "./limits.ts";
import { TestRunner } from "./runner-for-tests.ts";

let runner: TestRunner;
/** What plain Bun prints, by name. */
const plain = { stdout: new Map<string, string>(), stderr: new Map<string, string>() };

beforeAll(async () => {
  runner = await TestRunner.start("prints.ts");
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "fixtures/prints.ts")], {
    env: { PRINT_ALL: "1", PATH: process.env["PATH"]! },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const stream of ["stdout", "stderr"] as const) {
    for (const part of (await child[stream].text()).split(/^=== /m).slice(1)) {
      const end = part.indexOf("\n");
      plain[stream].set(part.slice(0, end), part.slice(end + 1));
    }
  }
  await child.exited;
});

afterAll(() => runner[Symbol.asyncDispose]());

/** What a request has printed, without and with its tags. */
async function printedBy(path: string, requestId = "id1") {
  const from = { stdout: runner.stdout.length, stderr: runner.stderr.length };
  await runner.ask(`/${encodeURIComponent(path)}`, { requestId }).catch(() => {});
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    const end = `\x1e${requestId}\x1f=== end\n`;
    const text = await runner.printed(stream, (all) => all.slice(from[stream]).endsWith(end));
    printed[stream] = text.slice(from[stream], -end.length);
  }
  return printed;
}

/** Without the place that called the handler, which is another one in plain Bun. */
const withoutCaller = (text: string | undefined) =>
  text?.replaceAll(/\n +at (handle \()?[^\n(]*prints\.ts:\d+:\d+\)?(?=\n)/g, (line) =>
    /at (handle|\/)/.test(line) ? "" : line,
  );

/** Takes the tags off; a line without one is marked. */
const untagged = (text: string, requestId = "id1") =>
  text
    .split("\n")
    .map((line, index, lines) =>
      index === lines.length - 1 && line === ""
        ? ""
        : line.startsWith(`\x1e${requestId}\x1f`)
          ? line.slice(requestId.length + 2)
          : `[no tag] ${line}`,
    )
    .join("\n");

describe("console", () => {
  test.each(Object.keys(prints))("prints as plain Bun does: %s", async (name) => {
    const printed = await printedBy(name);

    expect(withoutCaller(untagged(printed.stdout))).toBe(withoutCaller(plain.stdout.get(name))!);
    expect(withoutCaller(untagged(printed.stderr))).toBe(withoutCaller(plain.stderr.get(name))!);
  });

  test("outside of a request it is left alone", () => {
    expect(runner.stdout).toStartWith("printed while it was loaded\n");
  });

  test.each([
    ["await", "after await"],
    ["timer", "in timer"],
    ["microtask", "in microtask"],
    ["callback", "in callback"],
  ])("knows its request after: %s", async (path, text) => {
    expect((await printedBy(path, "another-id")).stdout).toBe(`\x1eanother-id\x1f${text}\n`);
  });

  test("requests at the same time do not take each other's lines", async () => {
    const ids = Array.from({ length: 20 }, (_, at) => `request-${at}`);
    const from = runner.stdout.length;

    await Promise.all(ids.map((requestId) => runner.ask("/interleaved", { requestId })));
    await runner.printed("stdout", (text) => text.slice(from).split("=== end").length > ids.length);

    const lines = runner.stdout.slice(from).trimEnd().split("\n");
    for (const id of ids) {
      const own = lines.filter((line) => line.startsWith(`\x1e${id}\x1f`));
      expect(own.map((line) => line.slice(id.length + 2))).toEqual([
        ...Array.from({ length: 5 }, (_, step) => `step ${step} of ${id}`),
        "=== end",
      ]);
    }
    expect(lines).toHaveLength(6 * ids.length);
  });

  test("a timer tells its time, a trace its place, without our own frames", async () => {
    expect(untagged((await printedBy("time")).stdout)).toMatch(/^\[\d+\.\d\dms\] work\n$/);
    const traced = untagged((await printedBy("trace")).stdout);
    expect(traced).toStartWith("traced {\n  a: 1,\n}\n      at ");
    expect(traced).toContain("prints.ts:");
    expect(traced).not.toContain("runner/console.ts");
  });

  test("an error that a handler throws is printed under its request", async () => {
    const from = runner.stderr.length;
    await runner.ask("/throw", { requestId: "thrower" }).catch(() => {});

    const text = await runner.printed("stderr", (all) =>
      all.slice(from).includes("by the handler"),
    );
    const lines = text.slice(from).trimEnd().split("\n");
    expect(lines.every((line) => line.startsWith("\x1ethrower\x1f"))).toBe(true);
  });

  test("a print of very many lines is tagged once", async () => {
    const { stdout } = await printedBy("many");

    expect(stdout.split("\x1e")).toHaveLength(2);
    expect(stdout.split("\n")).toHaveLength(20_001);
  });
});

describe("tagLines", () => {
  test("puts the id in front of every line, also of empty ones", () => {
    expect(tagLines("a", "x")).toBe("\x1ex\x1fa");
    expect(tagLines("a\n\nb", "x")).toBe("\x1ex\x1fa\n\x1ex\x1f\n\x1ex\x1fb");
    expect(tagLines("", "x")).toBe("\x1ex\x1f");
  });

  test("has a bound", () => {
    const lines = (count: number) => tagLines("\n".repeat(count - 1), "x").split("\x1e").length - 1;

    expect(lines(taggedLinesMax)).toBe(taggedLinesMax);
    expect(lines(taggedLinesMax + 1)).toBe(1);
  });
});
