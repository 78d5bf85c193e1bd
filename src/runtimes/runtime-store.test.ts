/** Runtimes are whole or absent, whatever the registry, the disk or a kill does. Method: a real package manager and registry on the loopback. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asPlatformError } from "../base/errors.ts";
import { until } from "../base/until-for-tests.ts";
import { fetchRuntime } from "./fetch-runtime.ts";
import {
  programSaying,
  type TestRegistry,
  type TestRegistryOptions,
  testRegistry,
} from "./registry-for-tests.ts";
import { ownRuntime } from "./runtime-name.ts";
import { RuntimeStore } from "./runtime-store.ts";

const name = "bun@1.9.1";
const programs = { "1.9.1": programSaying("1.9.1") };

let folder = "";
let dir = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-runtimes-"));
  dir = join(folder, "runtimes");
  mkdirSync(join(folder, "home"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const registryOf = (options: Partial<TestRegistryOptions> = {}) =>
  testRegistry(join(folder, "home"), { programs, ...options });
const storeOf = ({ env }: Pick<TestRegistry, "env">, notes: string[] = []) =>
  new RuntimeStore({
    dir,
    fetch: (options) => fetchRuntime({ ...options, env }),
    note: (line) => notes.push(line),
  });
const codeOf = async (work: Promise<unknown>) => asPlatformError(await work.catch((e) => e)).code;
/** All but the lock, which stays. */
const left = () => readdirSync(dir).filter((one) => !one.endsWith(".lock"));

test("the node's own is there without anything being fetched", async () => {
  const runtime = await storeOf({ env: {} }).ensure(ownRuntime);

  expect(runtime).toMatchObject({ program: process.execPath, package: "" });
  expect(existsSync(dir)).toBe(false);
});

test("one that is fetched is used again without a registry", async () => {
  const registry = registryOf();
  const fetched = await storeOf(registry).ensure(name);
  registry[Symbol.dispose]();

  const again = await storeOf(registry).ensure(name);

  expect(again).toEqual(fetched);
  expect(fetched).toMatchObject({ name, revision: "1.9.1+0123abcd" });
  expect(fetched.integrity).toStartWith("sha512-");
  expect(left()).toEqual([name]);
});

test("asked for twice at once it is fetched once, also by two stores of one folder", async () => {
  using registry = registryOf();
  const [one, other] = [storeOf(registry), storeOf(registry)];

  const found = await Promise.all([one.ensure(name), one.ensure(name), other.ensure(name)]);

  expect(new Set(found.map(({ program }) => program)).size).toBe(1);
  expect(registry.tarballs).toBe(1);
});

describe("what cannot be had leaves nothing, and says why:", () => {
  const cases: [string, Partial<TestRegistryOptions>, string][] = [
    ["a version that there is not", { programs: {} }, "RUNTIME_UNKNOWN"],
    [
      "a tarball that is not what the manifest says",
      { answer: (bytes) => new Response(bytes.toReversed()) },
      "RUNTIME_FETCH_FAILED",
    ],
    [
      "a tarball that breaks off",
      { answer: (bytes) => new Response(bytes.slice(0, 100)) },
      "RUNTIME_FETCH_FAILED",
    ],
    [
      "a program that says it is another one",
      { programs: { "1.9.1": programSaying("1.9.2") } },
      "RUNTIME_BROKEN",
    ],
    ["a program that fails", { programs: { "1.9.1": "#!/bin/sh\nexit 3\n" } }, "RUNTIME_BROKEN"],
    ["a program that is none", { programs: { "1.9.1": "\x7fELF" } }, "RUNTIME_BROKEN"],
  ];

  test.each(cases)("%s", async (_title, options, code) => {
    using registry = registryOf(options);

    expect(await codeOf(storeOf(registry).ensure(name))).toBe(code as never);
    expect(left()).toEqual([]);
  });

  test("no registry", async () => {
    const registry = registryOf();
    registry[Symbol.dispose]();

    expect(await codeOf(storeOf(registry).ensure(name))).toBe("RUNTIME_FETCH_FAILED");
    expect(left()).toEqual([]);
  });

  test("a folder that cannot be made", async () => {
    using registry = registryOf();
    writeFileSync(dir, "a file");

    expect(await codeOf(storeOf(registry).ensure(name))).toBe("RUNTIME_FETCH_FAILED");
  });

  test.each(["bun@latest", "bun@^1.4.0", "1.4.5", "node@24.0.0", "bun@1.4.5/../x", "bun@1.4", ""])(
    'the name "%s"',
    async (text) => {
      const work = (async () => storeOf({ env: {} }).ensure(text))();

      expect(await codeOf(work)).toBe("RUNTIME_INVALID");
    },
  );
});

describe("one that was damaged is fetched again:", () => {
  const damages: [string, (place: string) => void][] = [
    ["another program", (place) => writeFileSync(join(place, "bun"), programSaying("1.9.7"))],
    ["no program", (place) => rmSync(join(place, "bun"))],
    ["no note", (place) => rmSync(join(place, "runtime.json"))],
    ["a note that is garbage", (place) => writeFileSync(join(place, "runtime.json"), "\0{")],
    [
      "a note without an end",
      (place) => writeFileSync(join(place, "runtime.json"), "x".repeat(1e5)),
    ],
  ];

  test.each(damages)("%s", async (_title, damage) => {
    using registry = registryOf();
    const notes: string[] = [];
    await storeOf(registry).ensure(name);
    chmodSync(join(dir, name, "bun"), 0o755);
    damage(join(dir, name));

    const { revision } = await storeOf(registry, notes).ensure(name);

    expect(revision).toBe("1.9.1+0123abcd");
    expect(notes[0]).toContain(`${name} is damaged`);
    expect(registry.tarballs).toBe(2);
  });
});

test("a fetch that was killed in the middle is in nobody's way", async () => {
  const asked = Promise.withResolvers<void>();
  const first = registryOf({
    answer: () => {
      asked.resolve();
      return new Promise<Response>(() => {});
    },
  });
  const program = `
    import { fetchRuntime } from ${JSON.stringify(join(import.meta.dir, "fetch-runtime.ts"))};
    import { RuntimeStore } from ${JSON.stringify(join(import.meta.dir, "runtime-store.ts"))};
    const fetch = (options) => fetchRuntime({ ...options, env: process.env });
    await new RuntimeStore({ dir: ${JSON.stringify(dir)}, fetch }).ensure(${JSON.stringify(name)});
  `;
  const fetching = Bun.spawn([process.execPath, "-e", program], { env: first.env });
  await asked.promise;
  fetching.kill("SIGKILL");
  await fetching.exited;
  first[Symbol.dispose]();
  expect(left()).toEqual([`.${name}.staging`]);

  using registry = registryOf();
  await storeOf(registry).ensure(name);

  expect(left()).toEqual([name]);
});

test("who gives up waiting leaves the fetch to the others", async () => {
  const gate = Promise.withResolvers<void>();
  using registry = registryOf({
    answer: async (bytes) => {
      await gate.promise;
      return new Response(bytes);
    },
  });
  const store = storeOf(registry);
  const impatience = new AbortController();
  const impatient = store.ensure(name, impatience.signal).catch((error: unknown) => error);
  const patient = store.ensure(name);
  await until(() => registry.tarballs === 1);
  impatience.abort(new Error("enough"));

  expect(await impatient).toEqual(new Error("enough"));
  gate.resolve();
  expect((await patient).name).toBe(name);
});

test("what is removed is gone, and what killed fetches left goes with it", async () => {
  using registry = registryOf();
  const store = storeOf(registry);
  await store.ensure(name);
  mkdirSync(join(dir, `.${name}.staging`));
  expect((await store.list()).map((one) => one.name)).toEqual([name]);

  await store.remove([name]);

  expect(left()).toEqual([]);
  expect(await store.list()).toEqual([]);
});
