/** Goal: the contract of the command line. Method: real processes against a real admin socket. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { startTestNode, type TestNode } from "../control/admin-deps-for-tests.ts";
import { cli, cliOnTerminal, spawnCli } from "./cli-process-for-tests.ts";

const ROOT = join(import.meta.dir, "../..");
const folders: string[] = [];
let node: TestNode;
let at: string[];

beforeAll(async () => {
  node = await startTestNode();
  at = ["--data-dir", node.dataDir];
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function project(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-cli-"));
  folders.push(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** The schema in the repository, as a program outside would use it. */
async function schemaOf(verb: string): Promise<z.ZodType> {
  const file = await Bun.file(join(ROOT, `docs/schemas/${verb}.json`)).json();
  return z.fromJSONSchema(file);
}

describe("--json", () => {
  const uses: [verb: string, words: string[], code: number][] = [
    ["status", [], 0],
    ["apps", [], 0],
    ["versions", ["shop"], 0],
    ["versions", ["nothing"], 1],
    ["inspect", ["shop"], 0],
    ["inspect", ["nothing"], 1],
    ["inspect", ["shop@seven"], 2],
    ["ps", [], 0],
    ["open", ["shop", "--branch", "cart-fix"], 0],
    ["open", ["blog"], 1],
    ["promote", ["shop", "v2"], 0],
    ["promote", ["shop", "99"], 1],
    ["promote", ["shop"], 2],
    ["rollback", ["shop"], 0],
    ["rollback", ["shop", "--to", "seven"], 2],
    ["remove", ["shop"], 2],
    ["remove", ["shop", "--yes"], 2],
    ["deploy", [import.meta.dir, "--app", "shop"], 0],
    ["deploy", ["/dev/null"], 2],
    ["token", [], 0],
    ["token", ["--metrics"], 0],
    ["doctor", [], 0],
    ["errors", [], 0],
    ["errors", ["BOOT_CRASHED"], 0],
    ["errors", ["NO_SUCH_CODE"], 2],
    ["qualify", ["--list"], 0],
    ["qualify", ["--runtime", "latest"], 2],
    ["qualify", ["--case", "nothing"], 2],
    ["version", [], 0],
    ["help", [], 0],
    ["help", ["deploy"], 0],
    ["up", ["--port", "99999"], 2],
  ];

  for (const [verb, words, code] of uses) {
    test.concurrent(`${verb} ${words.join(" ")} prints one object of its schema, exit ${code}`, async () => {
      const run = await cli([verb, ...words, "--json", ...at]);

      expect(run.stdout.trimEnd().split("\n")).toHaveLength(1);
      const object = JSON.parse(run.stdout);
      expect((await schemaOf(verb)).safeParse(object).error).toBeUndefined();
      expect(object).toMatchObject({ ok: code === 0, command: verb });
      expect(run.stderr).toBe("");
      expect(run.code).toBe(code);
    });
  }

  test("what is no command is still one object", async () => {
    for (const words of [
      ["bogus"],
      ["status", "--bogus"],
      ["--bogus"],
      ["apps", "extra"],
      ["constructor"],
    ]) {
      const run = await cli([...words, "--json"]);

      const object = JSON.parse(run.stdout);
      expect(object, words.join(" ")).toMatchObject({
        ok: false,
        error: { code: "INPUT_INVALID" },
      });
      expect(object.next[0]).toContain("--help");
      expect(run.code).toBe(2);
    }
  });

  test("a log is a stream: each record on a line of its own", async () => {
    const run = await cli(["logs", "shop", "--json", ...at]);
    const schema = await schemaOf("logs");

    const lines = run.stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(schema.safeParse(JSON.parse(line)).error).toBeUndefined();
  });

  test("a log that cannot be had is one object that says why", async () => {
    const run = await cli(["logs", "nothing", "--json", ...at]);

    expect(JSON.parse(run.stdout)).toMatchObject({ ok: false, error: { code: "APP_UNKNOWN" } });
    expect(run.code).toBe(1);
  });

  test("deploy --events prints the events first and the object last", async () => {
    const run = await cli([
      "deploy",
      import.meta.dir,
      "--app",
      "shop",
      "--json",
      "--events",
      ...at,
    ]);

    const objects = run.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(objects.map((object) => object.type ?? object.ok)).toEqual([
      "step",
      "step",
      "output",
      true,
    ]);
  });
});

describe("text", () => {
  test("fits 80 columns, has no colors in a pipe, and names what it shows", async () => {
    const uses: [string[], string][] = [
      [["status"], "ready"],
      [["apps"], "http://cart-fix--shop.localhost:4000"],
      [["versions", "shop"], "Fix the cart"],
      [["inspect", "shop"], "TCP ports: not held, this kernel has Landlock level 3"],
      [["ps"], "warm"],
      [["errors"], "BOOT_CRASHED"],
      [["doctor"], "landlock"],
      [["--help"], "deploy"],
    ];

    for (const [words, part] of uses) {
      const run = await cli([...words, ...at]);
      expect(run.code, words.join(" ")).toBe(0);
      expect(run.stdout).toContain(part);
      expect(run.stdout).not.toContain("\x1b");
      const isTable = words[0] !== "status" && words[0] !== "ps";
      if (isTable)
        for (const line of run.stdout.split("\n"))
          expect(line.length, line).toBeLessThanOrEqual(80);
    }
  });

  test("a wider COLUMNS shows more of a table", async () => {
    const narrow = await cli(["versions", "shop", ...at], { env: { COLUMNS: "60" } });
    const wide = await cli(["versions", "shop", ...at], { env: { COLUMNS: "200" } });

    expect(narrow.stdout).toContain("…");
    expect(wide.stdout).toContain("after the second visit of the day");
  });

  test("an error says code, message, fix and where to read more, on stderr", async () => {
    const run = await cli(["versions", "nothing", ...at]);

    expect(run.stdout).toBe("");
    expect(run.stderr).toBe(
      '✘ APP_UNKNOWN  Cannot find app "nothing"\n' +
        "  Fix: Run `levain apps` for the apps that exist\n" +
        "  More: docs/errors.md#app_unknown\n",
    );
    expect(run.code).toBe(1);
  });

  test("a wrong flag is a usage error that suggests the right one", async () => {
    const run = await cli(["logs", "shop", "--folow", ...at]);

    expect(run.stderr).toStartWith("✘ INPUT_INVALID  ");
    expect(run.stderr).toContain("--follow");
    expect(run.code).toBe(2);
  });

  test("what an app prints cannot drive the terminal", async () => {
    const run = await cli(["logs", "shop", ...at]);

    expect(run.stdout).toContain("GET /cart red \\x1b]0;title\\x07");
    expect(run.stdout).not.toContain("\x1b");
  });

  test("ps says what keeps an app awake", async () => {
    const run = await cli(["ps", ...at]);

    expect(run.stdout).toContain('● shop v3 (4242) is kept awake by waitUntil "receipt" 12s\n');
    expect(run.stdout).toContain("● shop v3 (4242) has 26 more of these\n");
  });

  test("logs --requests is a line for each request", async () => {
    const run = await cli(["logs", "shop", "--requests", ...at]);

    const line =
      "2026-11-21T08:00:00.000Z v3 GET /cart?voucher=… 200 3.2 ms 1.2 KiB 9f1c2ab4d07e4c55 wake=frozen;1.2ms";
    expect(run.stdout).toBe(`${line}\n`);
  });

  test("a deploy shows its steps and its output on stderr and the URL on stdout", async () => {
    const run = await cli(["deploy", import.meta.dir, "--app", "shop", ...at]);

    expect(run.stdout).toContain("http://shop.localhost:4000\n");
    expect(run.stderr).toMatch(/✔ pack +\d/);
    expect(run.stderr).toMatch(/✔ build +\d/);
    expect(run.stderr).toContain("    bundled 3 modules\n");
  });

  test("remove asks for the name as consent and takes nothing else", async () => {
    await using own = await startTestNode();
    const words = ["remove", "shop", "--data-dir", own.dataDir];

    expect((await cli(words)).stderr).toContain("CONSENT_MISSING");
    expect((await cli([...words, "--confirm", "yes"])).code).toBe(2);
    expect(own.happened).toEqual([]);
    const run = await cli([...words, "--confirm", "shop"]);

    expect(run.stdout).toBe("✔ shop is removed (3 versions)\n");
    expect(own.happened).toContain("remove logs of shop");
  });

  test("remove takes a branch or a version by its name, and not what is live", async () => {
    await using own = await startTestNode();
    const remove = (...words: string[]) => cli(["remove", ...words, "--data-dir", own.dataDir]);

    expect((await remove("shop", "--branch", "cart-fix", "--confirm", "shop")).code).toBe(2);
    expect((await remove("shop@v1", "--confirm", "v1")).stderr).toContain("--confirm shop@v1");
    expect((await remove("shop@v3", "--confirm", "shop@v3")).stderr).toContain("VERSION_LIVE");
    expect(own.happened).toEqual([]);
    const branch = await remove("shop", "--branch", "cart-fix", "--confirm", "cart-fix");
    expect(branch.stdout).toContain("✔ branch cart-fix of shop is removed (1 version)\n");
    const version = await remove("shop@v1", "--confirm", "shop@v1");
    expect(version.stdout).toContain("✔ shop v1 is removed\n");
    expect(own.happened).toEqual([
      "publish",
      "remove databases of shop on cart-fix",
      "remove 1 artifact",
      "publish",
      "remove 1 artifact",
    ]);
  });

  test("the name that it had before is understood", async () => {
    await using own = await startTestNode();

    const run = await cli(["delete", "shop", "--confirm", "shop", "--data-dir", own.dataDir]);

    expect(run.stdout).toBe("✔ shop is removed (3 versions)\n");
  });
});

describe("on a terminal", () => {
  test("there are colors and the terminal's width counts, unless NO_COLOR or --no-color", async () => {
    const words = ["versions", "shop", ...at];

    const printed = await cliOnTerminal(words);
    const plain = Bun.stripANSI(printed).split("\r\n");

    expect(printed).toContain("\x1b[1mv3\x1b[22m");
    expect(plain.find((line) => line.startsWith("v2"))).toMatch(/^.{59}…$/);
    expect(await cliOnTerminal(words, { NO_COLOR: "1" })).not.toContain("\x1b");
    expect(await cliOnTerminal([...words, "--no-color"])).not.toContain("\x1b");
  });

  test("the step of a deploy that runs is written over by how it ended", async () => {
    const printed = await cliOnTerminal(["deploy", import.meta.dir, "--app", "shop", ...at]);

    expect(printed).toContain("…\x1b[39m build\r\x1b[2K");
    expect(Bun.stripANSI(printed)).toContain("✔ build");
  });

  test("--json is the same object as in a pipe", async () => {
    const words = ["apps", "--json", ...at];

    expect((await cliOnTerminal(words)).trimEnd()).toBe((await cli(words)).stdout.trimEnd());
  });
});

describe("words", () => {
  test("no words, --help and help are the same; --version and version too", async () => {
    const help = await cli(["help"]);
    const version = await cli(["version"]);

    expect(help.stdout).toContain("Usage: levain");
    for (const words of [[], ["--help"], ["-h"]]) expect(await cli(words)).toEqual(help);
    for (const words of [["--version"], ["-V"]]) expect(await cli(words)).toEqual(version);
    expect(version.stdout).toMatch(/^levain \d+\.\d+\.\d+ \(Bun 1\.4\.5\)\n$/);
  });

  test("global flags may stand before or after the verb, or in the environment", async () => {
    const after = await cli(["status", "--json", ...at]);
    const before = await cli(["--json", ...at, "status"]);
    const variable = await cli(["status", "--json"], { env: { LEVAIN_DATA_DIR: node.dataDir } });

    expect(JSON.parse(after.stdout).data.dataDir).toBe(node.dataDir);
    expect(before.stdout).toBe(after.stdout);
    expect(JSON.parse(variable.stdout).data).toEqual(JSON.parse(after.stdout).data);
  });

  test("next can be pasted: it names the data directory when the user did", async () => {
    const given = JSON.parse((await cli(["apps", "--json", "--data-dir", node.dataDir])).stdout);
    const variable = await cli(["apps", "--json"], { env: { LEVAIN_DATA_DIR: node.dataDir } });

    expect(given.next[0]).toEndWith(` --data-dir ${node.dataDir}`);
    expect(JSON.parse(variable.stdout).next[0]).not.toContain("--data-dir");
  });

  test("a flag without its value does not take the next flag for it", async () => {
    for (const words of [
      ["up", "--data-dir", "--detach"],
      ["--data-dir", "--json", "status"],
      ["deploy", "--branch", "--json"],
    ]) {
      const run = await cli(words);
      expect([run.code, run.stdout + run.stderr]).toEqual([
        2,
        expect.stringContaining("needs a value; when"),
      ]);
    }
    const meant = await cli(["logs", "shop", "--grep=--x", "--json", ...at]);
    expect([meant.code, meant.stdout]).toEqual([0, ""]);
  });

  test("logs --version is a version of the app, not of Levain", async () => {
    const run = await cli(["logs", "shop", "--version", "v2", ...at]);

    expect(run.stdout).toContain("no stock");
    expect(run.stdout).not.toContain("GET /cart");
  });

  test("without an app's name it is the app of the current folder", async () => {
    const byManifest = project({ "package.json": '{ "name": "@me/shop" }' });
    const byConfig = project({
      "package.json": '{ "name": "other" }',
      "levain.config.ts": 'export default { name: "shop" };',
    });
    const computed = project({ "levain.config.ts": "export default { name: process.env.NAME };" });

    for (const cwd of [byManifest, byConfig]) {
      expect(JSON.parse((await cli(["versions", "--json", ...at], { cwd })).stdout).data.app).toBe(
        "shop",
      );
    }
    const run = await cli(["rollback", ...at], { cwd: computed });
    expect(run.stderr).toContain("say which app");
    expect(run.code).toBe(2);
  });
});

describe("the node is not there", () => {
  test("no socket, no directory and a dead socket are NODE_NOT_RUNNING", async () => {
    const empty = project({});
    const dead = project({});
    const script = `Bun.serve({ unix: ${JSON.stringify(join(dead, "admin.sock"))}, fetch: () => new Response("") });
      console.log("up"); setInterval(() => {}, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    for await (const _ of child.stdout) break;
    child.kill("SIGKILL");
    await child.exited;

    for (const dataDir of [empty, dead, "/dev/null/deep"]) {
      const run = await cli(["status", "--json", "--data-dir", dataDir]);
      const { error, next } = JSON.parse(run.stdout);
      expect(error.code, dataDir).toBe("NODE_NOT_RUNNING");
      expect(error.message).toContain(dataDir);
      expect(next).toEqual([`levain up --detach --data-dir ${dataDir}`]);
      expect(run.code).toBe(1);
    }
  });

  test("a node that dies in the middle of a deploy is a lost connection", async () => {
    const folder = project({});
    const started = Promise.withResolvers<void>();
    const server = Bun.serve({
      unix: join(folder, "admin.sock"),
      async fetch(request) {
        await request.arrayBuffer();
        const body = new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"type":"step","step":"build"}\n'));
            started.resolve();
          },
        });
        return new Response(body);
      },
    });
    const deploying = cli([
      "deploy",
      import.meta.dir,
      "--app",
      "shop",
      "--json",
      "--data-dir",
      folder,
    ]);
    await started.promise;

    await server.stop(true);

    const run = await deploying;
    expect(JSON.parse(run.stdout)).toMatchObject({
      ok: false,
      error: { code: "NODE_CONNECTION_LOST" },
    });
    expect(run.code).toBe(1);
  });
});

describe("interruptions", () => {
  test("following a log ends well with Ctrl-C and with a reader that has seen enough", async () => {
    const interrupted = spawnCli(["logs", "shop", "--follow", ...at]);
    const reader = interrupted.stdout.getReader();
    await reader.read();
    interrupted.kill("SIGINT");
    expect(await interrupted.exited).toBe(0);
    expect(await new Response(interrupted.stderr).text()).toBe("");
    reader.releaseLock();

    const piped = spawnCli(["logs", "shop", "--follow", ...at]);
    const head = piped.stdout.getReader();
    await head.read();
    await head.cancel();
    expect(await piped.exited).toBe(0);
    expect(await new Response(piped.stderr).text()).toBe("");
  });

  test("Ctrl-C cancels a deploy on the node and says so", async () => {
    const cancelled = Promise.withResolvers<void>();
    await using slow = await startTestNode({
      deployer: {
        async deploy(upload, _query, emit, signal) {
          await new Response(upload).arrayBuffer();
          signal.addEventListener("abort", () => cancelled.resolve());
          emit({ type: "step", step: "build" });
          emit({ type: "output", stream: "stdout", line: "endless" });
          await cancelled.promise;
          throw signal.reason;
        },
      },
    });
    const child = spawnCli([
      "deploy",
      import.meta.dir,
      "--app",
      "shop",
      "--data-dir",
      slow.dataDir,
    ]);
    const decoder = new TextDecoder();
    let stderr = "";
    for await (const chunk of child.stderr) {
      stderr += decoder.decode(chunk);
      if (stderr.includes("endless")) child.kill("SIGINT");
    }

    expect(await child.exited).toBe(1);
    expect(stderr).toContain("✘ build");
    expect(stderr).toContain("✘ INTERRUPTED  ");
    await cancelled.promise;
  });

  test("a large answer reaches a slow reader whole", async () => {
    const { store } = node.deps;
    const [version] = await store.versions("shop");
    const versions = Array.from({ length: 5_000 }, (_, index) => ({
      ...version!,
      number: index + 1,
    }));
    await using large = await startTestNode({
      store: { ...store, versions: async () => versions },
    });
    const child = spawnCli(["versions", "shop", "--json", "--data-dir", large.dataDir]);
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let text = decoder.decode((await reader.read()).value, { stream: true });
    // More than a pipe holds is still to come, so the program must not have ended by now.
    expect(child.exitCode).toBeNull();

    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      text += decoder.decode(next.value, { stream: true });
    }

    expect(JSON.parse(text).data.versions).toHaveLength(versions.length);
    expect(await child.exited).toBe(0);
  });
});
