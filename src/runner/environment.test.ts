/** What an app's process looks like from inside: the app's own, and nothing of the node's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { TestRunner } from "./runner-for-tests.ts";

const root = join(import.meta.dir, "fixtures");
const env = {
  APP_VALUE: "of the app's",
  EMPTY: "",
  UNUSUAL: 'é "quotes" $HOME \\ \n two lines',
  NODE_ENV: "production",
  LEVAIN_APP: "shop",
};

let runner: TestRunner;

beforeAll(async () => {
  runner = await TestRunner.start("facts.ts", { env });
});

afterAll(() => runner[Symbol.asyncDispose]());

const ask = async (path: string) => JSON.parse((await runner.ask(path)).text);
const expectedEnv = () => ({
  ...env,
  PORT: "3000",
  PATH: process.env["PATH"],
  HOME: runner.folder,
  TMPDIR: runner.folder,
  LANG: "C.UTF-8",
});

describe("the process", () => {
  test("looks as under `bun <entry>`, in the artifact's folder", async () => {
    const entry = join(root, "facts.ts");

    expect(await ask("/process")).toEqual({
      main: true,
      path: entry,
      bunMain: entry,
      argv: [process.execPath, entry],
      bunArgv: [process.execPath, entry],
      execArgv: [],
      cwd: root,
    });
  });

  test("has all of this already while the module is loaded", async () => {
    expect(await ask("/at-load")).toEqual({ main: true, cwd: root, env: expectedEnv() });
  });
});

describe("the environment", () => {
  test("is the app's own and where things are, however it is read", async () => {
    const expected = expectedEnv();

    expect(await ask("/env")).toEqual({ process: expected, bun: expected, meta: expected });
  });

  test("can be changed by the app", async () => {
    await using own = await TestRunner.start("facts.ts");

    expect(JSON.parse((await own.ask("/env/set")).text)).toEqual({ bun: "1", process: "1" });
  });

  test("holds more than a frame", async () => {
    const large = { LARGE: "é\u0001".repeat(60_000) };
    await using own = await TestRunner.start("facts.ts", { env: large });

    expect(JSON.parse((await own.ask("/env")).text).process.LARGE).toBe(large.LARGE);
  });

  test.each(["spawn", "spawn-object", "spawn-sync", "shell", "node-exec", "node-spawn"])(
    "is handed on to children: %s",
    async (kind) => {
      // The shell and Bun add what they need themselves.
      expect(await ask(`/child/${kind}`)).toMatchObject(expectedEnv());
    },
  );

  test("is handed on to workers", async () => {
    expect(await ask("/worker")).toEqual(expectedEnv());
    expect(await ask("/worker/node")).toEqual(expectedEnv());
  });

  test("of a child is the one it was given, when it was given one", async () => {
    const seen = await ask("/child/spawn-own-env");

    expect(seen).toMatchObject({ ONLY: "this" });
    expect(seen.APP_VALUE).toBeUndefined();
  });
});

describe("what the process holds", () => {
  test("HOME and TMPDIR are its own, and it can write there", async () => {
    const { tmpdir, homedir, folder } = await ask("/folders");

    expect([tmpdir, homedir]).toEqual([runner.folder, runner.folder]);
    expect(statSync(folder).isDirectory()).toBe(true);
    expect(statSync(join(homedir, "file")).size).toBe(1);
  });

  test("a child does not inherit the wire", async () => {
    // 3 is the folder that ls reads.
    expect(await ask("/child/descriptors")).toEqual(["0", "1", "2", "3"]);
  });
});
