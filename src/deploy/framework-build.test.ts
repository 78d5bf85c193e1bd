/** Goal: what is recognized is built and kept as its row says. Method: real builds of stand-ins that leave the same files. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { TestBuilds } from "./build-for-tests.ts";
import { filesIn, TestFolder } from "./folder-for-tests.ts";

const open: Disposable[] = [];
afterEach(() => {
  for (const item of open.splice(0)) item[Symbol.dispose]();
});
const setup = () => {
  const builds = new TestBuilds();
  open.push(builds);
  return builds;
};
const config = (keys: object) => ({ "levain.config.json": JSON.stringify(keys) });
const hello = "export default { fetch: () => new Response('hello') };";
const planOf = ({ events }: TestBuilds) => events.find((event) => event.type === "plan");

describe("a build of a framework", () => {
  test("keeps what its server has traced, and nothing else of the project", async () => {
    const builds = setup();

    const built = await builds.build({
      ...config({ framework: "nuxt" }),
      "package.json": JSON.stringify({ scripts: { build: "sh make.sh" } }),
      "make.sh": `mkdir -p .output/server/node_modules/x .output/public
        echo "${hello}" > .output/server/index.mjs
        echo 1 > .output/server/node_modules/x/index.js
        echo "User-agent: *" > .output/public/robots.txt`,
      "pages/index.vue": "",
    });

    expect(planOf(builds)).toMatchObject({
      plan: { framework: "Nuxt", because: "the configuration says so", build: "bun run build" },
    });
    expect(built.entry).toBe(".output/server/index.mjs");
    expect(built.assets).not.toBeNull();
    const files = Object.keys(await filesIn(built.folder));
    expect(files).toContain(".output/server/node_modules/x/index.js");
    expect(files).not.toContain("pages/index.vue");
    expect(await builds.run(built)).toBe("hello");
  });

  test("copies beside the server of Next.js what it needs there", async () => {
    const builds = setup();

    const built = await builds.build({
      ...config({ framework: "next" }),
      "package.json": JSON.stringify({ scripts: { build: "sh make.sh" } }),
      "make.sh": `[ "$NEXT_PRIVATE_STANDALONE" = 1 ] || exit 1
        mkdir -p .next/standalone .next/static/chunks
        echo "${hello}" > .next/standalone/server.js
        echo 1 > .next/static/chunks/a.js`,
      "public/robots.txt": "User-agent: *",
    });

    expect(built.entry).toBe(".next/standalone/server.js");
    const files = Object.keys(await filesIn(built.folder));
    expect(files).toContain(".next/standalone/public/robots.txt");
    expect(files).toContain(".next/standalone/.next/static/chunks/a.js");
    expect(files).not.toContain(".next/static/chunks/a.js");
  });

  test("finds Bun where it asks for a Node, and the values that are set for builds", async () => {
    const builds = setup();
    const environment = {
      declaration: { rules: {}, values: {} },
      run: new Map(),
      build: new Map([["VITE_PLACE", "the corner"]]),
    };

    const built = await builds.build(
      {
        ...config({ framework: "vite", build: "node make.js" }),
        "make.js": `const { VITE_PLACE } = process.env;
          require("node:fs").mkdirSync("dist");
          require("node:fs").writeFileSync("dist/index.html", process.versions.bun + VITE_PLACE);`,
        "src/main.js": "import.meta.env.VITE_PLACE; import.meta.env.VITE_OTHER;",
      },
      { environment },
    );

    expect(built.entry).toBeNull();
    expect(readFileSync(`${built.folder}/dist/index.html`, "utf8")).toBe(
      `${Bun.version}the corner`,
    );
    expect(built.warnings.join("\n")).toContain("src/main.js reads VITE_OTHER");
    expect(built.warnings.join("\n")).toContain("VITE_PLACE: its value is written into the pages");
  });

  test("that leaves nothing is BUILD_OUTPUT_MISSING, with what to do", async () => {
    const error = await setup().failure({
      ...config({ framework: "sveltekit", build: "true" }),
      "package.json": "{}",
    });

    expect(error.code).toBe("BUILD_OUTPUT_MISSING");
    expect(error.message).toContain("@sveltejs/adapter-node");
  });

  test("that leads out by links changes nothing outside, and gets nothing from there", async () => {
    const builds = setup();
    const outside = new TestFolder({
      "standalone/server.js": hello,
      "standalone/secret": "secret",
    });
    open.push(outside);

    const built = await builds
      .build({
        ...config({ framework: "next", build: `ln -s ${outside.path} .next` }),
        "package.json": "{}",
        "index.html": "",
        "public/a.txt": "a",
      })
      .catch((error) => error);

    expect(built.code).toBe("BUILD_OUTPUT_MISSING");
    expect(Object.keys(await filesIn(outside.path)).sort()).toEqual([
      "standalone/secret",
      "standalone/server.js",
    ]);
  });
});

describe("a start command", () => {
  test("starts a program of a package with its arguments", async () => {
    const built = await setup().build({
      ...config({ start: "serve-it ./app.js --quiet" }),
      "package.json": JSON.stringify({ dependencies: { "serve-it": "file:./deps/serve-it" } }),
      "deps/serve-it/package.json": JSON.stringify({
        name: "serve-it",
        version: "1.0.0",
        bin: { "serve-it": "cli.js" },
      }),
      "deps/serve-it/cli.js": "#!/usr/bin/env node\n",
    });

    expect(built.entry).toBe("node_modules/serve-it/cli.js");
    expect(built.args).toEqual(["./app.js", "--quiet"]);
    expect(existsSync(`${built.folder}/${built.entry}`)).toBe(true);
  });

  test("that names nothing is START_UNKNOWN or ENTRY_NOT_FOUND", async () => {
    const unknown = await setup().failure({ ...config({ start: "serve-it" }), "index.ts": hello });
    const missing = await setup().failure({
      ...config({ start: "node build/index.js" }),
      "index.ts": hello,
    });

    expect(unknown.code).toBe("START_UNKNOWN");
    expect(missing.code).toBe("ENTRY_NOT_FOUND");
  });
});

test("what starts an app of a monorepo is written over what a build has put there", async () => {
  using outside = new TestFolder({ file: "as it was" });
  const builds = setup();
  const folder = new TestFolder({
    "package.json": JSON.stringify({ workspaces: ["apps/*"] }),
    "bun.lock": "",
    "apps/web/package.json": JSON.stringify({
      name: "web",
      scripts: { build: `ln -s ${outside.at("file")} ../../levain-start.mjs` },
    }),
    "apps/web/index.ts": "console.log(process.cwd().endsWith('apps/web'), import.meta.main);",
  });
  open.push(folder);
  writeFileSync(
    folder.at("bun.lock"),
    JSON.stringify({
      lockfileVersion: 1,
      workspaces: { "": {}, "apps/web": { name: "web" } },
      packages: { web: ["web@workspace:apps/web"] },
    }),
  );

  const built = await builds.build(folder.path, { asked: { workspace: "apps/web" } });

  expect(built.entry).toBe("levain-start.mjs");
  expect(await builds.run(built)).toBe("true true");
  expect(readFileSync(outside.at("file"), "utf8")).toBe("as it was");
});

test("an engine that Bun is not like is told", async () => {
  const warningsFor = async (node: unknown) => {
    const manifest = JSON.stringify({ engines: { node } });
    return (await setup().build({ "package.json": manifest, "index.ts": hello })).warnings;
  };

  expect(await warningsFor("^0.10")).toEqual([expect.stringContaining("asks for Node ^0.10")]);
  expect(await warningsFor(">=18")).toEqual([]);
  expect(await warningsFor(5)).toEqual([]);
});
