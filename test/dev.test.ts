/** Goal: what somebody sees who works on an app with `levain dev`. Method: the program itself, real files, real requests. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DevEvent, MAIN, spawnDev, TestDev, TestProject } from "./dev-for-tests.ts";

// Each starts a program that bundles and starts processes; a busy machine takes its time.
setDefaultTimeout(60_000);

const answering = (text: string) =>
  `export default { fetch: () => new Response(${JSON.stringify(text)}) };\n`;

/** Processes whose environment or command line has this text. */
function processesOf(text: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return ["environ", "cmdline"].some((file) =>
          readFileSync(`/proc/${pid}/${file}`, "latin1").includes(text),
        );
      } catch {
        return false;
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

test("a save is served, by a process that begins anew, and the one before is gone", async () => {
  using project = new TestProject({
    "index.ts": `let asked = 0; export default { fetch: () => new Response("a" + ++asked) };`,
  });
  await using dev = await TestDev.start(project);
  await dev.answers("a1");
  await dev.answers("a2");

  project.write(
    "index.ts",
    `let asked = 0; export default { fetch: () => new Response("b" + ++asked) };`,
  );
  await dev.until(({ type, version }) => type === "reloaded" && version === 2);

  expect(await (await dev.fetch("/")).text()).toBe("b1");
  expect(dev.all("reloaded")[1]).toMatchObject({ version: 2, files: ["index.ts"] });
  await dev.until(({ record }) => (record as { event?: string } | undefined)?.event === "stop");
});

test("pages that a server imports are bundled anew with each save, with all they load", async () => {
  using project = new TestProject({
    "index.ts": `import page from "./page.html"; Bun.serve({ routes: { "/*": page } });`,
    "page.html": `<!doctype html><script type="module" src="./page.ts"></script>`,
    "page.ts": `console.log("first");`,
  });
  await using dev = await TestDev.start(project);
  const script = async () => {
    const html = await (await dev.fetch("/")).text();
    return (await dev.fetch(/src="([^"]+)"/.exec(html)?.[1] ?? "/none")).text();
  };
  expect(await script()).toContain('"first"');

  project.write("page.ts", `console.log("second");`);
  await dev.until(({ type, version }) => type === "reloaded" && version === 2);

  expect(await script()).toContain('"second"');
});

test("code that cannot be built is shown with its place, and the next save is served", async () => {
  using project = new TestProject({ "src/index.ts": answering("good") });
  await using dev = await TestDev.start(project);
  await dev.answers("good");

  project.write("src/index.ts", "export default {\n  fetch: () => new Response(oops oops),\n};\n");
  const failed = await dev.until(({ type }) => type === "failed");

  expect(failed).toMatchObject({
    code: "BUILD_FAILED",
    excerpt: { path: "src/index.ts", line: 2 },
  });
  await dev.until(({ record }) => (record as { event?: string } | undefined)?.event === "start", 4);
  const page = await untilStatus(dev, 500, { accept: "text/html" });
  expect(page.headers.get("content-type")).toContain("text/html");
  const html = await page.text();
  expect(html).toContain("src/index.ts:2:");
  expect(html).toContain("new Response(oops oops)");
  expect(await (await dev.fetch("/")).text()).toContain(
    "> 2 |   fetch: () => new Response(oops oops)",
  );

  project.write("src/index.ts", answering("good again"));
  await dev.answers("good again");
});

async function untilStatus(
  dev: TestDev,
  status: number,
  headers: Record<string, string> = {},
): Promise<Response> {
  for (;;) {
    const response = await dev.fetch("/", { headers });
    if (response.status === status) return response;
    await Bun.sleep(5);
  }
}

test("an app that throws when it starts is shown with what it printed, and an open page is told of the next save", async () => {
  using project = new TestProject({
    "index.ts": `console.log("reading the menu");\nthrow new Error("no menu");\n`,
  });
  await using dev = await TestDev.start(project);

  expect(dev.all("failed")[0]).toMatchObject({
    code: "BOOT_CRASHED",
    excerpt: { path: "index.ts", line: 2 },
  });
  const page = await untilStatus(dev, 500);
  expect(await page.text()).toContain("reading the menu");
  const waiting = await dev.fetch("/__levain/dev");
  expect(waiting.headers.get("content-type")).toBe("text/event-stream");

  project.write("index.ts", answering("open"));
  await waiting.text().catch(() => {});
  await dev.answers("open");
});

test("a place far behind the end of its line is shown at that end", async () => {
  using project = new TestProject({
    "index.ts": `console.log("at index.ts:1:99999999999");\nthrow new Error("no menu");\n`,
  });
  await using dev = await TestDev.start(project);

  const [first = ""] = readFileSync(join(project.folder, "index.ts"), "utf8").split("\n");
  expect(dev.all("failed")[0]).toMatchObject({
    code: "BOOT_CRASHED",
    excerpt: { path: "index.ts", line: 1, column: first.length + 1 },
  });
  await untilStatus(dev, 500);
});

test("a configuration that cannot be is said, and taken once it is right", async () => {
  using project = new TestProject({
    "index.ts": `export default { fetch: () => new Response(process.env.KIND) };`,
    "levain.config.ts": `export default { limitz: {} };`,
  });
  await using dev = await TestDev.start(project);
  expect(dev.all("failed")[0]?.["message"]).toContain("limitz");

  project.write("levain.config.ts", `export default { env: { KIND: "configured" } };`);

  await dev.answers("configured");
});

test("values of .env and .env.local reach the app, and a change of them is a save", async () => {
  using project = new TestProject({
    "index.ts": `const { A, B, C, NODE_ENV } = process.env;
      export default { fetch: () => new Response([A, B, C, NODE_ENV].join()) };`,
    "levain.config.json": `{ "env": { "A": "config", "B": "config", "C": "config" } }`,
    ".env": "B=env\nC=env\nHOME=/nowhere\n",
    ".env.local": `C="env local"\n`,
  });
  await using dev = await TestDev.start(project);
  await dev.answers("config,env,env local,development");
  await dev.until(({ type, message }) => type === "note" && `${message}`.includes("HOME"));

  project.write(".env.local", "C=again\n");

  await dev.answers("config,env,again,development");
});

test("files are found in folders that are made later, and packages are not looked at", async () => {
  using project = new TestProject({
    "index.ts": `export default { fetch: () => new Response("first") };`,
    ".gitignore": "ignored\n",
  });
  await using dev = await TestDev.start(project);
  await dev.answers("first");

  project.write("node_modules/dep/index.js", "export {};");
  project.write("ignored/x.ts", "export {};");
  project.write("deep/er/name.ts", `export const name = "second";`);
  project.write(
    "index.ts",
    `import { name } from "./deep/er/name.ts";
    export default { fetch: () => new Response(name) };`,
  );
  await dev.answers("second");
  project.write("deep/er/name.ts", `export const name = "third";`);
  await dev.answers("third");

  const saved = dev.all("reloaded").flatMap(({ files }) => files as string[]);
  expect(saved.filter((path) => /node_modules|ignored\//.test(path))).toEqual([]);
});

test("what an app reads from its files is what was saved last", async () => {
  using project = new TestProject({
    "index.ts": `export default { fetch: () => new Response(Bun.file(import.meta.dir + "/data.txt")) };`,
    "data.txt": "one",
  });
  await using dev = await TestDev.start(project);
  await dev.answers("one");

  // As many editors save: another file takes the name.
  project.write("data.txt~", "two");
  renameSync(join(project.folder, "data.txt~"), join(project.folder, "data.txt"));
  await dev.answers("two");
  rmSync(join(project.folder, "data.txt"));

  await untilStatus(dev, 500);
});

test("many saves in any order end in what was saved last, with fewer reloads than saves", async () => {
  const seed = Number(process.env["LEVAIN_TEST_SEED"] ?? Date.now() % 100_000);
  console.log(`LEVAIN_TEST_SEED=${seed}`);
  let state = seed;
  const random = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const names = ["a", "b", "c", "d"];
  using project = new TestProject({
    ...Object.fromEntries(names.map((name) => [`${name}.ts`, `export const ${name} = 0;`])),
    "index.ts": `${names.map((name) => `import { ${name} } from "./${name}.ts";`).join("\n")}
      export default { fetch: () => new Response([${names.join()}].join()) };`,
  });
  await using dev = await TestDev.start(project);
  const saved: Record<string, number> = { a: 0, b: 0, c: 0, d: 0 };

  const saves = 100;
  for (let save = 1; save <= saves; save += 1) {
    const name = names[random(names.length)]!;
    // Half-written now and then, as editors leave it for a moment.
    if (random(4) === 0) project.write(`${name}.ts`, `export const ${name} = `);
    project.write(`${name}.ts`, `export const ${name} = ${save};`);
    saved[name] = save;
    if (random(3) === 0) await Bun.sleep(random(12));
  }

  await dev.answers(names.map((name) => saved[name]).join());
  expect(dev.all("reloaded").length).toBeLessThan(saves);
});

test("WebSockets end with a save, so that clients meet the new code", async () => {
  const socket = (text: string) => `export default {
    fetch: (request, server) => server.upgrade(request) ? undefined : new Response("${text}"),
    websocket: { open: (ws) => ws.send("${text}"), message() {} },
  };`;
  using project = new TestProject({ "index.js": socket("one") });
  await using dev = await TestDev.start(project);
  const connect = () => {
    const headers = { host: `shop.localhost:${dev.port}` };
    const ws = new WebSocket(`ws://127.0.0.1:${dev.port}/`, { headers } as never);
    const closed = new Promise((resolve) => ws.addEventListener("close", resolve));
    const said = new Promise((resolve) =>
      ws.addEventListener("message", ({ data }) => resolve(data)),
    );
    return { ws, closed, said };
  };
  const first = connect();
  expect(await first.said).toBe("one");

  project.write("index.js", socket("two"));
  await first.closed;

  const second = connect();
  expect(await second.said).toBe("two");
  second.ws.close();
});

test("Ctrl-C ends everything: no process, no folder is left, and the exit code is 0", async () => {
  using project = new TestProject({ "index.ts": answering("here") });
  await using dev = await TestDev.start(project);
  await dev.answers("here");
  expect(processesOf(project.dataDir).length).toBeGreaterThan(1);

  expect(await dev.stop()).toBe(0);

  expect(dev.stderr).toBe("");
  expect(processesOf(project.dataDir)).toEqual([]);
  expect(readdirSync(join(project.dataDir, "dev"))).toEqual([]);
});

test("what a killed one left is removed by the next", async () => {
  using project = new TestProject({ "index.ts": answering("here") });
  const killed = await TestDev.start(project);
  killed.child.kill("SIGKILL");
  await killed.child.exited;
  expect(readdirSync(join(project.dataDir, "dev"))).toEqual([String(killed.child.pid)]);

  await using dev = await TestDev.start(project);

  expect(readdirSync(join(project.dataDir, "dev"))).toEqual([String(dev.child.pid)]);
});

test("a taken port is an error when it was asked for", async () => {
  using project = new TestProject({ "index.ts": answering("here") });
  await using dev = await TestDev.start(project);

  const second = spawnDev(project, ["--json", "--port", String(dev.port)]);

  expect(JSON.parse(await new Response(second.stdout).text())).toMatchObject({
    ok: false,
    command: "dev",
    error: { code: "PORT_IN_USE" },
  });
  expect(await second.exited).toBe(1);
});

test("files are answered beside the app, and a folder of pages alone, as they were saved last", async () => {
  using project = new TestProject({
    "public/index.html": "<h1>one</h1>",
    "package.json": `{ "module": "index.ts" }`,
    "index.ts": answering("the app"),
    "levain.config.json": `{ "assets": "public" }`,
  });
  await using dev = await TestDev.start(project);
  await dev.answers("<h1>one</h1>");
  await dev.answers("the app", "/api");

  project.write("public/index.html", "<h1>two</h1>");
  await dev.answers("<h1>two</h1>");

  rmSync(join(project.folder, "index.ts"));
  project.write("package.json", "{}");
  project.write("public/about.html", "<h1>about</h1>");
  await dev.answers("<h1>about</h1>", "/about");
  await dev.answers("<h1>two</h1>");
});

test("an app that listens on a port of its choice is served at the one address", async () => {
  const server = (text: string) => `import { createServer } from "node:http";
    createServer((request, response) => response.end("${text}")).listen(3000);`;
  using project = new TestProject({ "index.ts": server("one") });
  await using dev = await TestDev.start(project);
  await dev.answers("one");

  project.write("index.ts", server("two"));

  await dev.answers("two");
});

test("the address may be said without the app's name", async () => {
  using project = new TestProject({ "index.ts": answering("here") });
  await using dev = await TestDev.start(project);

  for (const host of ["localhost", "127.0.0.1", "shop.localhost"]) {
    const response = await dev.fetch("/", { headers: { host: `${host}:${dev.port}` } });
    expect(await response.text()).toBe("here");
  }
});

test("a build command runs with each save, and a value that is missing is said by its name", async () => {
  using project = new TestProject({
    "package.json": JSON.stringify({ scripts: { build: "cp name.txt made.ts" } }),
    "name.txt": `export const name = "one";`,
    ".gitignore": "made.ts\n",
    "index.ts": `import { name } from "./made.ts";
      export default { fetch: () => new Response(name + process.env.SUFFIX) };`,
    "levain.config.ts": `export default { env: { SUFFIX: { type: "string" } } };`,
  });
  await using dev = await TestDev.start(project);
  expect(dev.all("failed")[0]).toMatchObject({ code: "ENVIRONMENT_INVALID" });
  expect(dev.all("failed")[0]?.["message"]).toContain("SUFFIX");

  project.write(".env", "SUFFIX=!\n");
  await dev.answers("one!");
  project.write("name.txt", `export const name = "two";`);

  await dev.answers("two!");
});

test("what a build command left running ends with it, also when it holds its output open", async () => {
  // Found by its environment, which a process that has ended has no more.
  const own = `left-by-${crypto.randomUUID()}`;
  using project = new TestProject({
    "package.json": JSON.stringify({
      scripts: { build: `OWN=${own} setsid sleep 300 &` },
    }),
    "index.ts": answering("one"),
  });
  await using dev = await TestDev.start(project);
  await dev.answers("one");

  expect(processesOf(`OWN=${own}`)).toEqual([]);
});

test("Ctrl-C ends a build command that hangs, with all that it started", async () => {
  const own = `hangs-${crypto.randomUUID()}`;
  using project = new TestProject({
    "package.json": JSON.stringify({
      scripts: { build: `OWN=${own} setsid sleep 300 & sleep 300` },
    }),
    "index.ts": answering("one"),
  });
  await using dev = await TestDev.begin(project);
  await untilRuns(own);

  expect(await dev.stop()).toBe(0);

  expect(processesOf(`OWN=${own}`)).toEqual([]);
});

async function untilRuns(own: string): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (processesOf(`OWN=${own}`).length === 0) {
    if (performance.now() > endMs) throw new Error(`nothing runs with OWN=${own}`);
    await Bun.sleep(5);
  }
}

test("a save ends a build command that hangs, each time, and is built itself", async () => {
  using project = new TestProject({ "index.ts": answering("built") });
  const hanging = (own: string) =>
    JSON.stringify({ scripts: { build: `OWN=${own} setsid sleep 300 & sleep 300` } });
  const [first, second] = [`hangs-${crypto.randomUUID()}`, `hangs-${crypto.randomUUID()}`];
  project.write("package.json", hanging(first));
  await using dev = await TestDev.begin(project);
  await untilRuns(first);

  project.write("package.json", hanging(second));
  await untilRuns(second);
  expect(processesOf(`OWN=${first}`)).toEqual([]);
  project.write("package.json", "{}");

  expect(await dev.until(({ type }) => type === "reloaded" || type === "failed")).toMatchObject({
    type: "reloaded",
    version: 1,
  });
  await dev.answers("built");
  expect(processesOf(`OWN=${second}`)).toEqual([]);
});

test("a save ends a configuration that hangs, and it is read again when another file was saved", async () => {
  const own = `hangs-${crypto.randomUUID()}`;
  using project = new TestProject({
    "index.ts": answering("one"),
    "wait.txt": "yes",
    "levain.config.ts": `import { readFileSync } from "node:fs";
      if (readFileSync(import.meta.dir + "/wait.txt", "utf8") === "yes")
        Bun.spawnSync(["sleep", "300"], { env: { ...process.env, OWN: "${own}" } });
      export default {};`,
  });
  await using dev = await TestDev.begin(project);
  await untilRuns(own);

  project.write("wait.txt", "no");

  await dev.answers("one");
  expect(dev.all("failed")).toEqual([]);
});

test("a build that writes other bytes into the source each time is built a few times, not without end", async () => {
  using project = new TestProject({
    "package.json": JSON.stringify({
      scripts: { build: "date +%s%N > stamp.txt; echo x >> runs.txt; sleep 0.5" },
    }),
    ".gitignore": "runs.txt\n",
    "stamp.txt": "none",
    "index.ts": answering("one"),
  });
  await using dev = await TestDev.start(project);
  const runs = () => readFileSync(join(project.folder, "runs.txt"), "utf8").split("\n").length - 1;
  const before = runs();
  expect(before).toBeLessThan(5);

  project.write("index.ts", answering("two"));
  await dev.answers("two");

  // It knows by now what the build writes.
  expect(runs()).toBe(before + 1);
});

test("a build that fails and writes into the source is told, and built again with the next save", async () => {
  using project = new TestProject({
    "package.json": JSON.stringify({
      scripts: { build: "date +%s%N > stamp.txt; echo x >> runs.txt; exit 3" },
    }),
    ".gitignore": "runs.txt\n",
    "index.ts": answering("one"),
  });
  await using dev = await TestDev.start(project);

  project.write("index.ts", answering("two"));
  await dev.until(({ type }) => type === "failed", dev.events.length);
  project.write("package.json", "{}");

  await dev.answers("two");
  expect(dev.all("failed").length).toBe(2);
  // Once more than there were saves, since the first could have lacked what it made.
  expect(readFileSync(join(project.folder, "runs.txt"), "utf8")).toBe("x\n".repeat(3));
});

test("what a build prints is shown in the order in which it was printed", async () => {
  using project = new TestProject({
    "package.json": JSON.stringify({
      scripts: { build: "echo one; echo two >&2; echo three; echo four >&2" },
    }),
    "index.ts": answering("here"),
  });
  await using dev = await TestDev.start(project);

  const lines = dev.all("output").map(({ line }) => line);
  // The first is the command, as `bun run` says it.
  expect(lines.slice(1)).toEqual(["one", "two", "three", "four"]);
});

test("its own output in a file of the project, and logs, are no saves", async () => {
  using project = new TestProject({ "index.ts": answering("one") });
  const told = Bun.file(join(project.folder, "told.txt"));
  const argv = ["--no-env-file", MAIN, "dev", ".", "--data-dir", project.dataDir, "--port", "0"];
  const child = Bun.spawn([process.execPath, ...argv, "--json"], {
    cwd: project.folder,
    env: { PATH: process.env["PATH"] ?? "", HOME: project.root },
    stdio: ["ignore", told, told],
  });
  const events = async () => {
    const lines = (await told.text()).split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as DevEvent);
  };
  const untilReloaded = async (version: number) => {
    const endMs = performance.now() + 20_000;
    while (performance.now() < endMs) {
      const all = (await events()).filter(({ type }) => type === "reloaded");
      if (all.some((event) => event["version"] === version)) return all;
      await Bun.sleep(5);
    }
    throw new Error(await told.text());
  };
  await untilReloaded(1);

  project.write("some.log", "a line");
  project.write("index.ts", answering("two"));
  await untilReloaded(2);
  project.write("some.log", "another line");
  project.write("index.ts", answering("three"));
  const reloaded = await untilReloaded(3);

  expect(reloaded.map(({ files }) => files)).toEqual([[], ["index.ts"], ["index.ts"]]);
  child.kill("SIGINT");
  expect(await child.exited).toBe(0);
});

test("a project that is held to more than the default is served too, after each save", async () => {
  using project = new TestProject({
    "index.ts": answering("one"),
    "levain.config.ts": `export default { bundle: false, permissions: { connect: ["*:443", "*:5432"] } };`,
  });
  await using dev = await TestDev.start(project);
  await dev.answers("one");

  project.write("index.ts", answering("two"));

  await dev.answers("two");
});

test("a framework's own server is started by its dev script, and ended with all that it started", async () => {
  using project = new TestProject({
    "package.json": JSON.stringify({ scripts: { dev: "NODE_ENV=development vite --host" } }),
  });
  const tool = '#!/bin/sh\necho "vite $* at $PORT"\nsleep 600 &\nsleep 600\n';
  project.write("node_modules/.bin/vite", tool, 0o755);
  const child = spawnDev(project, ["--port", "4173"]);
  const reader = child.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toContain(
    "vite --host --port 4173 at 4173",
  );

  child.kill("SIGINT");

  expect(await child.exited).toBe(0);
  expect(processesOf(join(project.dataDir, "dev"))).toEqual([]);
});

test("an app that asks for a database has one of its own, whose data the next levain dev finds", async () => {
  using project = new TestProject({
    "levain.config.json": '{ "database": true }',
    "index.ts": `import { SQL } from "bun";
      const sql = new SQL(process.env.DATABASE_URL!);
      await sql\`CREATE TABLE IF NOT EXISTS visits (at int)\`;
      export default { async fetch() {
        await sql\`INSERT INTO visits VALUES (1)\`;
        const [row] = await sql\`SELECT count(*)::int AS count FROM visits\`;
        return new Response("visit " + row.count);
      } };`,
  });
  for (const count of [1, 2]) {
    await using dev = await TestDev.start(project);
    expect(await (await dev.fetch("/")).text()).toBe(`visit ${count}`);
  }
  expect(processesOf(join(project.dataDir, "dev-databases"))).toEqual([]);

  // Another one that .env names is taken instead, and no server is started for it.
  project.write(".env", "DATABASE_URL=postgres://nobody@127.0.0.1:1/none");
  project.write(
    "index.ts",
    "export default { fetch: () => new Response(process.env.DATABASE_URL) };",
  );
  await using dev = await TestDev.start(project);
  expect(await (await dev.fetch("/")).text()).toBe("postgres://nobody@127.0.0.1:1/none");
});
