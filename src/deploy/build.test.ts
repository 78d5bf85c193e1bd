/** Goal: what a person wrote is what runs. Method: real builds with packages from folders, run from another place. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { ArtifactStore } from "./artifact-store.ts";
import { TestBuilds } from "./build-for-tests.ts";
import { filesIn } from "./folder-for-tests.ts";

const open: TestBuilds[] = [];
afterEach(() => {
  for (const builds of open.splice(0)) builds[Symbol.dispose]();
});
const setup = () => {
  const builds = new TestBuilds();
  open.push(builds);
  return builds;
};

const hello = (text: string) => `export default { fetch: async () => new Response(${text}) };`;
/** A package in the project's own folder: installs without a network. */
const dependency = {
  "deps/greet/package.json": JSON.stringify({
    name: "greet",
    version: "1.0.0",
    main: "greet.js",
    scripts: { postinstall: "touch ../../RAN", install: "touch ../../RAN" },
  }),
  "deps/greet/greet.js": 'exports.greet = (name) => "hello " + name;',
};
const manifest = (more: Record<string, unknown> = {}) =>
  JSON.stringify({ name: "shop", dependencies: { greet: "file:./deps/greet" }, ...more });

describe("a bundle", () => {
  test("runs from anywhere with its packages, texts and data, and without node_modules", async () => {
    const builds = setup();
    const built = await builds.build({
      ...dependency,
      "package.json": manifest({
        trustedDependencies: ["greet"],
        scripts: { prepare: "touch RAN" },
      }),
      "src/data.json": '{"a":1}',
      "src/note.txt": "note",
      "src/lazy.ts": "export const lazy = 'lazy';",
      "src/index.ts": `
        import { greet } from "greet";
        import data from "./data.json";
        import note from "./note.txt" with { type: "text" };
        ${hello("[greet('you'), data.a, note, (await import('./lazy.ts')).lazy, process.env.NODE_ENV].join()")}`,
    });

    expect(built.entry).toBe("src/index.levain.js");
    expect(existsSync(`${built.folder}/node_modules`)).toBe(false);
    expect(existsSync(`${built.folder}/RAN`)).toBe(false);
    expect(await builds.run(built)).toBe("hello you,1,note,lazy,production");
    expect(builds.steps).toEqual(["install", "bundle"]);
    expect(built.warnings.join()).toContain("no lockfile");
    expect(built.warnings.join()).toContain("trustedDependencies");
  });

  test("leaves every module its place: files beside it are found, the entry is the main module", async () => {
    const builds = setup();
    const built = await builds.build({
      "src/index.ts": `#!/usr/bin/env bun
        import { inner } from "./deep/inner.ts";
        import logo from "./deep/logo.png";
        const old = require("./deep/old.cjs");
        import { readFileSync } from "node:fs";
        if (import.meta.main) console.log("main", inner(), old(), readFileSync(logo, "utf8"), import.meta.file);`,
      "src/deep/inner.ts": `import { readFileSync } from "node:fs";
        export const inner = () => [readFileSync(import.meta.dir + "/a.txt", "utf8"),
          readFileSync(new URL("./a.txt", import.meta.url), "utf8"), import.meta.main, import.meta.dirname].join();`,
      "src/deep/old.cjs": `const { join } = require("node:path");
        module.exports = () => require("node:fs").readFileSync(join(__dirname, "a.txt"), "utf8") + (require.main === module);`,
      "src/deep/esm-own.ts": `import { dirname } from "node:path";
        const __dirname = dirname(import.meta.path); export { __dirname };`,
      "src/deep/a.txt": "A",
      "src/deep/logo.png": "PNG",
    });

    expect(await builds.run(built)).toBe("main A,A,false,<artifact>/src/deep Afalse PNG index.ts");
  });

  test("of which an error's stack names the source's file and line", async () => {
    const builds = setup();
    const built = await builds.build({
      "src/index.ts": `import { fail } from "./lib/fail.ts";\n\nfail(import.meta.dir);`,
      "src/lib/fail.ts": `export function fail(dir: string): never {\n  throw new Error("boom " + dir.length);\n}`,
    });

    const printed = await builds.run(built);

    expect(printed).toContain("<artifact>/src/lib/fail.ts:2");
    expect(printed).toContain("<artifact>/src/index.ts:3");
  });

  test("has no modules that only a test or a tool needs, and no secrets", async () => {
    const builds = setup();
    const built = await builds.build({
      "index.ts": hello("'x'"),
      "index.test.ts": "",
      "lib/__tests__/a.ts": "",
      ".env": "A=1",
      "coverage/x": "",
      "public/page.html": "<p>",
      "levain.config.json": JSON.stringify({
        build: "echo B=1 > .env.production; echo made > made.txt",
      }),
    });

    expect(Object.keys(await filesIn(built.folder))).toEqual([
      "index.levain.js",
      "index.levain.js.map",
      "index.ts",
      "levain.config.json",
      "made.txt",
      "public/page.html",
    ]);
  });

  test("is the same artifact for the same source, and another for another", async () => {
    const builds = setup();
    const store = new ArtifactStore({ dir: builds.data.at("artifacts") });
    const seed = Math.floor(Math.random() * 2 ** 31);
    const source = (text: string) => ({
      ...dependency,
      "package.json": manifest(),
      "src/a.ts": `export const a = () => import.meta.dir + ${JSON.stringify(text)} + __dirname;`,
      "src/index.ts": `import { greet } from "greet"; import { a } from "./a.ts"; ${hello("greet(a())")}`,
    });
    const digestOf = async (text: string) =>
      (await store.add((await builds.build(source(text))).folder)).digest;

    const first = await digestOf(`${seed}`);

    expect(await digestOf(`${seed}`), `seed ${seed}`).toBe(first);
    expect(await digestOf(`${seed}!`), `seed ${seed}`).not.toBe(first);
    expect(await digestOf(`${seed}`), `seed ${seed}`).toBe(first);
  });

  test("goes by the lockfile, whose hash is kept", async () => {
    const builds = setup();
    const source = { ...dependency, "package.json": manifest(), "index.ts": hello("'x'") };
    const made = await builds.build({
      ...source,
      "levain.config.json": '{"build":"bun install --ignore-scripts"}',
    });
    const lock = (await filesIn(made.folder))["bun.lock"]!;

    const built = await builds.build({ ...source, "bun.lock": lock });

    expect(built.provenance).toMatchObject({
      bun: Bun.version,
      lockfile: "bun.lock",
      lockfileSha256: new Bun.CryptoHasher("sha256").update(lock).digest("hex"),
      entry: "index.ts",
    });
    expect(built.warnings).toEqual([]);
    const stale = await builds.failure({
      ...source,
      "bun.lock": lock,
      "package.json": JSON.stringify({
        dependencies: { greet: "file:./deps/greet", other: "file:./deps/other" },
      }),
      "deps/other/package.json": '{"name":"other","version":"1.0.0"}',
    });
    expect(stale.code).toBe("INSTALL_FAILED");
    expect(String(stale.detail?.lastLines)).toContain("frozen");
  });
});

describe("without a bundle", () => {
  test("packages stay, those for development do not, and the entry runs as it is", async () => {
    const builds = setup();
    const source = {
      ...dependency,
      "deps/tool/package.json": JSON.stringify({ name: "tool", version: "1.0.0", main: "i.js" }),
      "package.json": manifest({ devDependencies: { tool: "file:./deps/tool" } }),
      "index.ts": `import { greet } from "greet"; ${hello("greet('you')")}`,
    };

    for (const build of [undefined, "bun install --ignore-scripts; ls node_modules"]) {
      const built = await builds.build({
        ...source,
        "levain.config.json": JSON.stringify({ bundle: false, build }),
      });
      expect(built.entry).toBe("index.ts");
      expect(readdirSync(`${built.folder}/node_modules`)).toEqual(["greet"]);
      expect(await builds.run(built)).toBe("hello you");
    }
    expect(builds.output).toContain("tool");
  });
});

describe("what a build can see", () => {
  test("is its own environment: not the node's secrets, not the app's values, not .env or preload", async () => {
    const builds = setup();
    const built = await builds.build(
      {
        "bunfig.toml": 'preload = ["./preload.ts"]',
        "preload.ts": 'console.log("PRELOADED");',
        ".env": "FROM_FILE=1",
        "levain.config.ts": `console.log("config", process.env.NODE_SECRET, process.env.FROM_FILE);
          export default { build: "env; which bun", env: { APP_VALUE: "at run time" } };`,
        "index.ts": hello("'x'"),
      },
      {
        nodeEnv: {
          PATH: process.env.PATH,
          NODE_SECRET: "s3cret",
          LEVAIN_DATABASE_URL: "x",
          HTTP_PROXY: "http://p",
        },
      },
    );

    const output = builds.output.join("\n");
    expect(output).toContain("config undefined undefined");
    for (const hidden of [
      "s3cret",
      "LEVAIN_DATABASE_URL",
      "APP_VALUE",
      "FROM_FILE=",
      "HTTP_PROXY",
      "PRELOADED",
    ]) {
      expect(output).not.toContain(hidden);
    }
    expect(output).toContain(`HOME=${builds.data.at("builds/shop/home")}`);
    expect(output).toContain(builds.data.at("builds/.programs/bin/bun"));
    expect(built.config.env.values).toEqual({ APP_VALUE: "at run time" });
    expect(built.warnings.join()).toContain("preload");
  });

  test("standard input is closed", async () => {
    const builds = setup();
    await builds.build({
      "index.ts": hello("'x'"),
      "levain.config.json": '{"build":"cat; echo read"}',
    });

    expect(builds.output).toEqual(["read"]);
  });
});

describe("the config", () => {
  const config = (text: string) => ({ "index.ts": hello("'x'"), "levain.config.ts": text });

  test("is typed with a package that need not be installed, and may be computed", async () => {
    const builds = setup();
    const built = await builds.build({
      ...config(`import { defineConfig } from "levain"; import { name } from "./name.ts";
        setInterval(() => {}, 1000);
        export default Promise.resolve(defineConfig({ name, limits: { queueMax: 1 + 1 } }));`),
      "name.ts": 'export const name: string = "computed";',
    });

    expect(built.config).toMatchObject({ name: "computed", limits: { queueMax: 2 } });
  });

  test.each([
    ["throw new Error('no');", "no"],
    ["export default {", "levain.config.ts:1"],
    ["export const a = 1;", "no default export"],
    ["export default { env: { A: () => 1 } };", "`A` is a function"],
    ["import 'nowhere'; export default {};", "nowhere"],
    ["console.error('last words'); process.exit(3);", "(exit code 3): last words"],
    ["process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});", "signal SIGKILL"],
    ["export default { nam: 'x' };", "did you mean name?"],
  ])("%p is told with its cause", async (text, cause) => {
    const error = await setup().failure(config(text));

    expect(error.code).toBe("CONFIG_INVALID");
    expect(error.message).toContain(cause);
    expect(error.message).not.toContain(".upload");
  });

  test("is one file", async () => {
    const error = await setup().failure({
      ...config("export default {}"),
      "levain.config.json": "{}",
    });

    expect(error.message).toContain("keep one");
    expect((await setup().failure({ "levain.config.json": "{nope" })).code).toBe("CONFIG_INVALID");
    expect((await setup().failure({ "package.json": "[]" })).code).toBe("BUILD_FAILED");
  });
});

describe("a mistake in the app", () => {
  test.each([
    [{ "index.ts": "const a = ;" }, "BUILD_FAILED", "index.ts:1:11"],
    [{ "src/index.ts": "import x from './gone.ts'; x();" }, "BUILD_FAILED", "src/index.ts:1:15"],
    [
      { "index.ts": "import { b } from './b.ts'; b();", "b.ts": "export const a = 1;" },
      "BUILD_FAILED",
      "index.ts:1",
    ],
    [{ "index.ts": "\nimport h from '@x/y/z'; h();" }, "MODULE_MISSING", '"@x/y"'],
    [{ "readme.md": "" }, "ENTRY_NOT_FOUND", "src/"],
  ])("%p is %p", async (files, code, words) => {
    const error = await setup().failure(files as unknown as Record<string, string>);

    expect(error.code).toBe(code as never);
    expect(`${error.message} ${JSON.stringify(error.detail)}`).toContain(words);
  });

  test("a declaration that clashes with what a bundle adds is built without the addition", async () => {
    const builds = setup();
    const built = await builds.build({
      "index.ts": "const [__dirname] = ['own'];\nconsole.log(__dirname, import.meta.main);",
    });

    expect(await builds.run(built)).toStartWith("own");
  });

  test("a package that asks for something optional is not one", async () => {
    const builds = setup();
    const built = await builds.build({
      ...dependency,
      "deps/greet/greet.js":
        "exports.greet = () => 'hi'; exports.fast = () => require('greet-native/x');",
      "package.json": manifest(),
      "index.ts": `import { greet } from "greet"; ${hello("greet()")}`,
    });

    expect(await builds.run(built)).toBe("hi");
    expect(built.warnings.join()).toContain("greet-native/x");
  });
});

describe("a build command", () => {
  test("finds the project's tools and makes the entry", async () => {
    const builds = setup();
    const built = await builds.build({
      "deps/tool/package.json": JSON.stringify({
        name: "tool",
        version: "1.0.0",
        bin: { tool: "tool.js" },
      }),
      "deps/tool/tool.js": `#!/usr/bin/env node\nrequire("fs").mkdirSync("dist"); require("fs").writeFileSync("dist/index.js", ${JSON.stringify(hello("'built'"))});`,
      "package.json": JSON.stringify({
        devDependencies: { tool: "file:./deps/tool" },
        main: "dist/index.js",
      }),
      "levain.config.json": '{"build":"tool && echo done"}',
    });

    expect(built.entry).toBe("dist/index.levain.js");
    expect(await builds.run(built)).toBe("built");
    expect(builds.steps).toEqual(["install", "build", "bundle"]);
  });

  test("that fails is told with how it ended and its last lines", async () => {
    const error = await setup().failure({
      "levain.config.json": JSON.stringify({
        build: "for i in $(seq 30); do echo line $i; done; echo why >&2; exit 7",
      }),
    });

    expect(error.code).toBe("BUILD_FAILED");
    expect(error.message).toContain("exit code 7");
    expect(error.detail?.lastLines).toHaveLength(20);
    expect(error.detail?.lastLines).toContain("why");
  });
});
