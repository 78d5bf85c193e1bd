import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlatformError } from "../base/errors.ts";
import { type LoadedHook, loadHooks } from "./load.ts";

const folder = mkdtempSync(join(tmpdir(), "levain-hooks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;

/** Loads a module of this text. */
function load(text: string, options?: unknown): Promise<LoadedHook[]> {
  const module = `./hook-${count++}.ts`;
  writeFileSync(join(folder, module), text);
  const source = { module, folder, ...(options === undefined ? {} : { options }) };
  return loadHooks([source], { nowMs: () => 5, env: { NAME: "value" } });
}

async function whyNot(loading: Promise<unknown>): Promise<string> {
  const error = (await loading.then(
    () => null,
    (thrown: unknown) => thrown,
  )) as PlatformError | null;
  expect(error?.code).toBe("HOOK_NOT_LOADED");
  return error!.message;
}

test("a module's exports are its hooks, named as the configuration does", async () => {
  const [hook] = await load("export const onRequest = () => ({ status: 200 });");

  expect(hook).toMatchObject({ name: expect.stringContaining("./hook-"), onResponse: null });
  expect(hook!.onRequest!({} as never)).toEqual({ status: 200 });
});

test("a default export is given the options, the environment and the time", async () => {
  const [hook] = await load(
    `export default async (options, { env, nowMs }) =>
      ({ onResponse: () => [options.max, env.NAME, nowMs()] });`,
    { max: 3 },
  );

  expect(hook!.onResponse!({} as never, {} as never) as unknown).toEqual([3, "value", 5]);
});

test("a module that is named twice is set up twice, in order", async () => {
  writeFileSync(
    join(folder, "twice.ts"),
    "export default (name) => { let n = 0; return { onRequest: () => ({ name, n: n++ }) } };",
  );
  const module = "./twice.ts";

  const [one, two] = await loadHooks(
    [
      { module, folder, options: "one" },
      { module, folder, options: "two" },
    ],
    { nowMs: () => 0, env: {} },
  );

  const ask = (hook: LoadedHook | undefined) => hook!.onRequest!({} as never) as unknown;
  expect([ask(one), ask(one), ask(two)]).toEqual([
    { name: "one", n: 0 },
    { name: "one", n: 1 },
    { name: "two", n: 0 },
  ]);
});

describe("what is wrong is told with the module's name and the export:", () => {
  test.each([
    ["export const other = 1;", undefined, "it exports neither `onRequest` nor `onResponse`"],
    ["export const onRequest = 5;", undefined, "`onRequest` that is a number, must be a function"],
    ["export const onResponse = null;", undefined, "`onResponse` that is null, must be a function"],
    ["export default {};", undefined, "its default export is an object, must be a function"],
    ["export default () => {};", undefined, "its default export returned nothing, must return"],
    ["export default () => ({});", undefined, "its default export returned neither"],
    ["export default () => ({ onRequest: 'x' })", undefined, "returned an `onRequest` that is a"],
    ["export default () => ({}); export const onRequest = () => {};", undefined, "keep one of"],
    ["export const onRequest = () => {};", { max: 1 }, "it was given options, and has no default"],
    ["export default () => { throw new Error('no users') };", undefined, "no users"],
    ["throw new Error('top level');", undefined, "top level"],
    ["export default (", undefined, ""],
    ["import './none.ts'; export const onRequest = () => {};", undefined, "none.ts"],
  ])("%s", async (text, options, why) => {
    const message = await whyNot(load(text, options));

    expect(message).toStartWith(`Cannot start the node: hook "./hook-${count - 1}.ts": `);
    expect(message).toContain(why);
  });

  test.each([
    ["export default () => {\n  const a = ;\n};", "Unexpected ; (./hook-N.ts:2:13)"],
    ["const a = 1;\nconst a = 2;\nconst a = 3;\n", "(./hook-N.ts:2:7); "],
    ["export default () => {\n  missing();\n};", "missing is not defined (./hook-N.ts:2:"],
    ["import './deep/broken.ts';", "Unexpected ) (./deep/broken.ts:1:10)"],
    ["export default () => {\n  JSON.parse('{');\n};", "(./hook-N.ts:2:"],
    ["throw 'text';", ": text"],
  ])("and the place in the file: %j", async (text, why) => {
    await Bun.write(join(folder, "deep/broken.ts"), "const a =);");

    const message = await whyNot(load(text));

    expect(message).toContain(why.replace("N", String(count - 1)));
  });

  test.each([
    ["./none.ts", `there is no file ${join(folder, "none.ts")}`],
    ["no-such-package", "no-such-package"],
    ["levain/hooks/none", "Levain has no hook of this name; it has auth, cors, rate-limit, red"],
    ["levain/hooks/ratelimit", 'did you mean "levain/hooks/rate-limit"?'],
    ["hooks/own.ts", 'this names a package; write "./hooks/own.ts" for the file'],
    ["levain/hooks/../src/main", "Levain has no hook of this name"],
  ])("%s", async (module, why) => {
    const context = { nowMs: () => 0, env: {} };
    await Bun.write(join(folder, "hooks/own.ts"), "export const onRequest = () => {};");

    expect(await whyNot(loadHooks([{ module, folder }], context))).toContain(why);
  });
});
