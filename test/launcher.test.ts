/**
 * Goal: `./levain` needs nothing but npm or a Bun, and is safe to run at any time. Method: the real script in a small
 * checkout of its own, with a PATH that holds only what a test puts there; npm is a script that hands out this Bun.
 */
import { afterEach, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { cp, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";

const ROOT = join(import.meta.dir, "..");
const PACKAGE = `@oven/bun-linux-${process.arch === "arm64" ? "aarch64" : "x64"}`;

/** What the script uses of a POSIX system. */
const TOOLS = "sh cat cmp rm mv mkdir ln readlink chmod tail sleep uname env".split(" ");

const MAIN = `console.log(JSON.stringify({
  args: process.argv.slice(2), cwd: process.cwd(), bun: process.execPath, leaked: process.env.LEAKED ?? null,
}));`;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface SetupOptions {
  /** Tools on PATH beyond those of every system. */
  tools?: string[];
  /** The pinned Bun and the dependencies are there already. Default false. */
  isInstalled?: boolean;
}

async function setup({ tools = ["flock"], isInstalled = false }: SetupOptions = {}) {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "levain launcher ")));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  const checkout = join(folder, "a checkout");
  const bin = join(folder, "bin");
  const cwd = join(folder, "cwd");
  for (const path of [
    join(checkout, "src"),
    join(checkout, "scripts"),
    join(checkout, "sdk"),
    bin,
    cwd,
  ]) {
    await mkdir(path, { recursive: true });
  }
  await cp(join(ROOT, "levain"), join(checkout, "levain"));
  writeFileSync(join(checkout, "src/main.ts"), MAIN);
  writeFileSync(
    join(checkout, "scripts/test.ts"),
    `console.log("tests", process.argv.slice(2).join());`,
  );
  writeFileSync(join(checkout, "package.json"), `{"name":"x","private":true,"workspaces":["sdk"]}`);
  writeFileSync(join(checkout, "sdk/package.json"), `{"name":"levain","version":"0.1.0"}`);
  writeFileSync(
    join(checkout, "bun.lock"),
    `{"lockfileVersion":1,"workspaces":{"":{"name":"x"},"sdk":{"name":"levain","version":"0.1.0"}},` +
      `"packages":{"levain":["levain@workspace:sdk"]}}`,
  );

  const addTool = (name: string, path: string) => symlinkSync(path, join(bin, name));
  for (const tool of [...TOOLS, ...tools]) {
    const path = Bun.which(tool);
    if (path !== null) addTool(tool, path);
  }
  const addScript = (name: string, body: string) => {
    const path = join(bin, name);
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>"${folder}/calls"\n${body}\n`);
    chmodSync(path, 0o755);
  };
  /** Puts this Bun where the package would have it. */
  const handOut = `
    mkdir -p node_modules/${PACKAGE}/bin
    ln -sf "${process.execPath}" node_modules/${PACKAGE}/bin/bun`;

  const start = (
    args: string[] = [],
    options: { script?: string; env?: Record<string, string> } = {},
  ) =>
    Bun.spawn([options.script ?? join(checkout, "levain"), ...args], {
      cwd,
      env: { PATH: bin, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  const finish = async (child: ReturnType<typeof start>) => {
    const [stdout, stderr, exitCode] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { stdout, stderr, exitCode };
  };
  const launch = (...args: Parameters<typeof start>) => finish(start(...args));
  const calls = () => {
    const path = join(folder, "calls");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  };

  if (isInstalled) {
    addScript("npm", handOut);
    await launch();
    await rm(join(bin, "npm"));
    await rm(join(folder, "calls"));
  }
  return { folder, checkout, bin, cwd, addTool, addScript, handOut, start, finish, launch, calls };
}

test("the Bun it installs is the one the types are checked against", async () => {
  const { devDependencies } = await Bun.file(join(ROOT, "package.json")).json();

  expect(readFileSync(join(ROOT, "levain"), "utf8")).toContain(
    `\nBUN_VERSION=${devDependencies["bun-types"]}\n`,
  );
});

test("with neither npm nor a Bun it says what to install", async () => {
  const { launch } = await setup();

  const { stdout, stderr, exitCode } = await launch();

  expect({ stdout, exitCode }).toEqual({ stdout: "", exitCode: 1 });
  expect(stderr).toStartWith("✘ Cannot install Bun 1.4.5: neither npm nor a Bun was found");
  expect(stderr).toContain("Fix: install Node.js with npm");
});

test("with npm it installs Bun and the dependencies once, and speaks on stderr only", async () => {
  const { checkout, cwd, addScript, handOut, launch, calls } = await setup();
  addScript("npm", handOut);

  const first = await launch(["one", "two words"]);
  const second = await launch([]);

  expect(JSON.parse(first.stdout)).toMatchObject({ args: ["one", "two words"], cwd });
  expect(first.stderr).toBe(
    `levain: installing Bun 1.4.5 from npm into ${checkout}/.tools (once)\n` +
      "levain: installing dependencies from bun.lock\n",
  );
  expect(second.stderr).toBe("");
  expect(calls().length).toBe(1);
  expect(calls()[0]).toContain("--ignore-scripts");
  expect(calls()[0]).toEndWith(`${PACKAGE}@1.4.5`);
});

test("with a Bun of another version it uses that one to fetch the right one", async () => {
  const { addScript, handOut, launch, calls } = await setup();
  addScript("bun", `if [ "$1" = --version ]; then echo 1.3.14; exit; fi\n${handOut}`);

  const { stdout, exitCode } = await launch();

  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout).bun).toBe(await realpath(process.execPath));
  expect(calls().filter((call) => call.startsWith("bun add --ignore-scripts")).length).toBe(1);
});

test("the pinned Bun on PATH is used as it is", async () => {
  const { checkout, addTool, launch } = await setup();
  addTool("bun", process.execPath);

  const { exitCode } = await launch();

  expect(exitCode).toBe(0);
  expect(readdirSync(join(checkout, ".tools"))).not.toContain("bun-1.4.5");
});

test("LEVAIN_BUN goes before everything else and has to be the right version", async () => {
  const { addScript, launch, bin } = await setup();
  addScript("old", "echo 1.3.14");

  const wrong = await launch([], { env: { LEVAIN_BUN: join(bin, "old") } });
  const right = await launch([], { env: { LEVAIN_BUN: process.execPath } });

  expect(wrong.exitCode).toBe(1);
  expect(wrong.stderr).toContain(`Cannot use LEVAIN_BUN=${join(bin, "old")}: it is not Bun 1.4.5`);
  expect(right.exitCode).toBe(0);
});

test("a failed download is shown, and the next run tries again", async () => {
  const { checkout, addScript, handOut, launch } = await setup();
  addScript("npm", "echo no route to host >&2; exit 1");

  const failed = await launch();
  addScript("npm", handOut);
  const second = await launch();

  expect(failed.exitCode).toBe(1);
  expect(failed.stderr).toContain("no route to host");
  expect(failed.stderr).toContain("✘ Cannot install Bun 1.4.5 from npm");
  expect(second.exitCode).toBe(0);
  expect(readdirSync(join(checkout, ".tools")).filter((name) => name.startsWith("stage"))).toEqual(
    [],
  );
});

test("through a symbolic link, from any folder, it finds its checkout and stays in the user's folder", async () => {
  const { folder, checkout, cwd, launch } = await setup({ isInstalled: true });
  symlinkSync(join(checkout, "levain"), join(folder, "absolute"));
  symlinkSync("absolute", join(folder, "relative"));

  for (const script of [join(folder, "relative"), "../absolute", "../a checkout/levain"]) {
    const { stdout, stderr } = await launch([], { script });
    expect({ cwd: JSON.parse(stdout).cwd, stderr }).toEqual({ cwd, stderr: "" });
  }
});

test("a .env, bunfig.toml or tsconfig.json in the user's folder changes nothing", async () => {
  const { cwd, launch } = await setup({ isInstalled: true });
  writeFileSync(join(cwd, ".env"), "LEAKED=yes");
  writeFileSync(join(cwd, "bunfig.toml"), `preload = ["./preload.ts"]`);
  writeFileSync(join(cwd, "preload.ts"), `console.log("preloaded");`);
  writeFileSync(join(cwd, "tsconfig.json"), `{ not json`);

  const { stdout } = await launch();

  expect(JSON.parse(stdout).leaked).toBeNull();
});

test("when nothing is missing it writes nothing", async () => {
  const { checkout, launch } = await setup({ isInstalled: true });
  const snapshot = () => readdirSync(checkout, { recursive: true, encoding: "utf8" }).sort();
  const before = snapshot();
  await rm(join(checkout, ".tools/lock"));
  await rm(join(checkout, ".tools/install.log"));

  await launch();

  expect(snapshot()).toEqual(
    before.filter((path) => path !== ".tools/lock" && path !== ".tools/install.log"),
  );
});

test("dependencies are installed again when a manifest or the lockfile changed, and only then", async () => {
  const { checkout, launch } = await setup({ isInstalled: true });

  for (const file of ["package.json", "sdk/package.json", "bun.lock"]) {
    const path = join(checkout, file);
    writeFileSync(path, `${readFileSync(path, "utf8")}\n`);
    expect((await launch()).stderr).toBe("levain: installing dependencies from bun.lock\n");
    expect((await launch()).stderr).toBe("");
  }
});

test("a lockfile that does not fit the manifest is an error, every time", async () => {
  const { checkout, launch } = await setup({ isInstalled: true });
  writeFileSync(
    join(checkout, "package.json"),
    `{"name":"x","private":true,"dependencies":{"missing":"file:./missing"}}`,
  );

  for (let attempt = 0; attempt < 2; attempt++) {
    const { stderr, exitCode } = await launch();
    expect(exitCode).toBe(1);
    expect(stderr).toContain("✘ Cannot install the dependencies");
  }
});

test("`levain test` runs the suite's own script, and only as the first word", async () => {
  const { launch } = await setup({ isInstalled: true });

  expect((await launch(["test", "src/pool", "-t", "x"])).stdout).toBe("tests src/pool,-t,x\n");
  expect(JSON.parse((await launch(["deploy", "test"])).stdout).args).toEqual(["deploy", "test"]);
});

for (const tools of [["flock"], []]) {
  const way = tools.length === 0 ? "without flock" : "with flock";

  test(`launched many times at once it installs once, ${way}`, async () => {
    const { addScript, handOut, launch, calls } = await setup({ tools });
    addScript("npm", `sleep 0.5\n${handOut}`); // as long as it takes for all to have begun

    const results = await Promise.all(
      Array.from({ length: 4 }, (_, index) => launch([`${index}`])),
    );

    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(calls().length).toBe(1);
  });

  test(`killed in the middle of a download it starts anew, ${way}`, async () => {
    const { checkout, addScript, handOut, start, finish, calls } = await setup({ tools });
    addScript(
      "npm",
      `mkdir -p node_modules/${PACKAGE}/bin; echo half >node_modules/${PACKAGE}/bin/bun; sleep 60`,
    );
    const killed = start();
    await until(() => calls().length === 1);

    process.kill(-killed.pid, "SIGKILL");
    await killed.exited;
    addScript("npm", handOut);
    const { exitCode } = await finish(start());

    expect(exitCode).toBe(0);
    const left = readdirSync(join(checkout, ".tools")).filter((name) =>
      /stage|link|breaker/.test(name),
    );
    expect(left).toEqual([]);
  });
}

test("dependencies whose installation was killed are made from nothing", async () => {
  const { checkout, launch } = await setup({ isInstalled: true });
  // As it is left behind: no stamp, the mark, and a package of which only a part is there.
  await rm(join(checkout, "node_modules/.levain-stamp"));
  writeFileSync(join(checkout, ".tools/dependencies-unfinished"), "");
  writeFileSync(join(checkout, "node_modules/half"), "");

  await launch();

  expect(existsSync(join(checkout, "node_modules/half"))).toBe(false);
  expect(existsSync(join(checkout, ".tools/dependencies-unfinished"))).toBe(false);
});
