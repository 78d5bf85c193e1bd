/** Goal: HTML imports are answered as under plain Bun. Method: an app that Bun has bundled, on Bun and on the runner. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestRunner } from "./runner-for-tests.ts";

let folder: string;
let bare: Bun.Subprocess<"ignore", "pipe", "inherit">;
let address: string;
let runner: TestRunner;
let chunks: string[];

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "levain-html-")));
  mkdirSync(join(folder, "src"));
  const files = {
    "src/index.ts": `import page from "./page.html";
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", development: true, routes: {
        "/*": page, "/about": page,
        "/api/bread": { GET: () => Response.json({ bread: 1 }) },
        "/api/*": new Response("none", { status: 404 }),
      } });
      console.log(server.url.href);`,
    "src/page.html": `<!doctype html><h1>Bread</h1><script type="module" src="./page.ts"></script>`,
    "src/page.ts": "console.log('fresh')",
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  const dist = join(folder, "dist");
  const flags = ["--target=bun", "--production", `--outdir=${dist}`];
  const { exitCode } = Bun.spawnSync([process.execPath, "build", ...flags, "src/index.ts"], {
    cwd: folder,
    env: {},
  });
  expect(exitCode).toBe(0);
  chunks = readdirSync(dist).filter((name) => name.endsWith(".js") && name !== "index.js");
  // Bun looks for the files of a bundle in the working directory.
  bare = Bun.spawn([process.execPath, "index.js"], {
    cwd: dist,
    env: {},
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { value } = await bare.stdout.getReader().read();
  address = new TextDecoder().decode(value).trim().replace(/\/$/, "");
  runner = await TestRunner.start("dist/index.js", { root: folder });
});

afterAll(async () => {
  await runner?.[Symbol.asyncDispose]();
  bare?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["GET", "/"],
  ["GET", "/about?x=1"],
  ["GET", "/deep/page"],
  ["HEAD", "/"],
  ["POST", "/about"],
  ["GET", "/api/bread"],
  ["POST", "/api/bread"],
  ["GET", "/api/nothing"],
  ["GET", "/page-00000000.js"],
])("%s %s is answered as by Bun", async (method, path) => {
  const expected = await fetch(address + path, { method });

  const answer = await runner.ask(path, { method });

  expect([answer.status, answer.body.toString()]).toEqual([expected.status, await expected.text()]);
  expect(answer.headers["content-type"]).toBe(expected.headers.get("content-type")!);
});

test("who has the page is told so", async () => {
  const { headers } = await runner.ask("/");

  const again = await runner.ask("/deep", { headers: { "if-none-match": headers["etag"]! } });

  expect([again.status, again.body.length]).toEqual([304, 0]);
  expect(headers["cache-control"]).toBe("no-cache");
});

test("what Bun's own bundle lists for a page is answered, also below a wildcard, for good", async () => {
  const [chunk = ""] = chunks;
  const expected = await fetch(`${address}/${chunk}`);

  const answer = await runner.ask(`/${chunk}`);

  expect(answer.body.toString()).toBe(await expected.text());
  expect(answer.headers["content-type"]).toBe("text/javascript;charset=utf-8");
  expect(answer.headers["cache-control"]).toContain("immutable");
});
