/**
 * Goal: `levain demo` shows what it promises and leaves nothing behind. Method: the real program, from a folder and
 * with a home that are not the checkout's.
 */
import { expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const ROOT = join(import.meta.dir, "..");
/** A demo takes some eight seconds, most of them waiting for the app to be idle. Milliseconds. */
const timeoutMs = 60_000;

const stepNames = [
  "node",
  "deploy",
  "page",
  "api",
  "cart",
  "websocket",
  "events",
  "freeze",
  "wake",
  "log",
];

/** A folder for everything a demo writes. */
function temporaryFolder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-demo-test-"));
  // Root's PostgreSQL runs as another user.
  chmodSync(path, 0o755);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** Bun itself keeps a cache in the home it is given. */
function leftIn(path: string): string[] {
  return readdirSync(path).filter((name) => name !== ".bun" && !name.startsWith("bun-cc-"));
}

function startDemo(folder: string, ...flags: string[]) {
  return Bun.spawn([process.execPath, join(ROOT, "src/main.ts"), "demo", ...flags], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: folder, TMPDIR: folder, XDG_DATA_HOME: folder },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Lines that come, until one matches. */
async function readUntil(
  lines: ReadableStreamDefaultReader<string>,
  wanted: RegExp,
): Promise<string> {
  let text = "";
  while (!wanted.test(text)) {
    const { done, value } = await lines.read();
    if (done) throw new Error(`ended before ${wanted}: ${text}`);
    text += value;
  }
  return text;
}

test.concurrent(
  "--once --json checks every step, stops everything and exits with 0",
  async () => {
    using folder = temporaryFolder();
    const child = startDemo(folder.path, "--once", "--json");

    const [stdout, stderr, code] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);

    expect({ stderr, code, stdout }).toMatchObject({ stderr: "", code: 0 });
    const object = JSON.parse(stdout);
    const schema = z.fromJSONSchema(await Bun.file(join(ROOT, "docs/schemas/demo.json")).json());
    expect(schema.safeParse(object).error).toBeUndefined();
    const { steps, url } = object.data as { steps: { name: string; ok: boolean }[]; url: string };
    expect(steps.map(({ name }) => name)).toEqual([...stepNames, "stop"]);
    expect(steps.every(({ ok }) => ok)).toBe(true);
    expect(url).toMatch(/^http:\/\/shop\.localhost:\d+$/);
    expect(leftIn(folder.path)).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${new URL(url).port}/`)).rejects.toThrow();
  },
  timeoutMs,
);

test.concurrent(
  "it stays up and follows the log until Ctrl-C, which stops and removes everything",
  async () => {
    using folder = temporaryFolder();
    const child = startDemo(folder.path);
    const lines = child.stdout.pipeThrough(new TextDecoderStream() as never).getReader() as never;

    const shown = await readUntil(lines, /Ctrl-C/);
    const { host, port } = new URL(/Open +(\S+)/.exec(shown)?.[1] ?? "");
    const cart = await fetch(`http://127.0.0.1:${port}/api/cart`, {
      method: "POST",
      headers: { host, "content-type": "application/json" },
      body: JSON.stringify({ product: "rolls" }),
    });
    const logged = await readUntil(lines, /Morning rolls/);
    child.kill("SIGINT");
    const code = await child.exited;

    for (const name of stepNames) expect(shown).toMatch(new RegExp(`^  ✔ ${name} `, "m"));
    for (const line of shown.replaceAll(folder.path, "/tmp").split("\n")) {
      expect(line.length, line).toBeLessThanOrEqual(80);
    }
    expect(cart.status).toBe(201);
    expect(logged).toMatch(/freeze +Frozen/);
    expect(code).toBe(0);
    expect(leftIn(folder.path)).toEqual([]);
  },
  timeoutMs,
);

test.concurrent(
  "Ctrl-C while it still starts leaves nothing behind",
  async () => {
    using folder = temporaryFolder();
    const child = startDemo(folder.path, "--once", "--json");

    while (leftIn(folder.path).length === 0) await Bun.sleep(5);
    child.kill("SIGINT");
    const [stdout, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);

    expect(JSON.parse(stdout)).toMatchObject({ ok: false, error: { code: "INTERRUPTED" } });
    expect(code).toBe(1);
    expect(leftIn(folder.path)).toEqual([]);
  },
  timeoutMs,
);
