/** Goal: what a node runs is one file, and there is always something to run. Method: real bundles. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunnerBundle } from "./bundle.ts";
import { bundleKeptMs } from "./limits.ts";
import { TestRunner } from "./runner-for-tests.ts";

const modulePath = join(import.meta.dir, "main.ts");
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-bundle-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

test("the modules are run until the bundle is there", async () => {
  const bundle = new RunnerBundle(join(folder, "runner"));
  const before = bundle.path;
  await bundle.make();

  expect(before).toBe(modulePath);
  expect(bundle.path).toStartWith(join(folder, "runner"));
  expect(await Bun.file(bundle.path).text()).toStartWith("// @bun @bytecode");
});

test("a bundle is made once, also by two at the same time", async () => {
  const first = new RunnerBundle(folder);
  const second = new RunnerBundle(folder);
  await Promise.all([first.make(), second.make()]);

  expect(first.path).not.toBe(modulePath);
  expect(second.path).toBe(first.path);
  expect(new RunnerBundle(folder).path).toBe(first.path);
  expect(readdirSync(folder)).toHaveLength(1);
});

test("the modules are run where no bundle can be made", async () => {
  writeFileSync(join(folder, "taken"), "");
  const bundle = new RunnerBundle(join(folder, "taken"));
  await bundle.make();

  expect(bundle.path).toBe(modulePath);
});

test("bundles of other versions go when they are old", async () => {
  for (const name of ["old", "young"]) mkdirSync(join(folder, name));
  const past = new Date(Date.now() - 2 * bundleKeptMs);
  utimesSync(join(folder, "old"), past, past);
  await new RunnerBundle(folder).make();

  expect(readdirSync(folder)).toContain("young");
  expect(readdirSync(folder)).not.toContain("old");
});

test.each(["modules", "bundle"])("an app is the main module under the %s", async (from) => {
  const options = from === "modules" ? { runnerPath: modulePath } : {};
  await using runner = await TestRunner.start("facts.ts", options);
  await using commonJs = await TestRunner.start("exports-commonjs.cjs", options);

  const { main, bunMain, argv } = JSON.parse((await runner.ask("/process")).text);

  expect(main).toBe(true);
  expect([bunMain, argv[1]]).toEqual(Array(2).fill(join(import.meta.dir, "fixtures/facts.ts")));
  expect((await commonJs.ask("/")).text).toBe("commonjs true");
});

test.each(["modules", "bundle"])("an error is printed without frames of the %s", async (from) => {
  const options = from === "modules" ? { runnerPath: modulePath } : {};
  await using runner = await TestRunner.start("ephemeral.ts", { ephemeral: true, ...options });

  await runner.ask("/throw", { requestId: "1" }).catch(() => {});

  const printed = await runner.printed("stderr", (text) => text.includes("ephemeral.ts"));
  expect(printed).not.toMatch(/main\.[jt]s|runner\/ephemeral\.ts/);
});
