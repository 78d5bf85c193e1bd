/**
 * Goal: a build leaves exactly the files that are to be answered, whatever the project has put there. Method: real
 * builds, in their own processes.
 */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AssetManifest } from "../assets/asset-manifest.ts";
import { listTree } from "./artifact-manifest.ts";
import { TestBuilds } from "./build-for-tests.ts";
import type { BuiltApp } from "./builder.ts";

const page = "<!doctype html><h1>Hello</h1>";
const config = (value: object) => ({ "levain.config.json": JSON.stringify(value) });

function manifestOf(built: BuiltApp): AssetManifest {
  return JSON.parse(readFileSync(join(built.folder, built.assets ?? ""), "utf8"));
}

const urlsOf = (built: BuiltApp) => manifestOf(built).files.map(({ url }) => url);

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).slice(folder.length + 1))
    .sort();
}

describe("a folder of files", () => {
  test("needs no package.json and no process, and its artifact has nothing else", async () => {
    using builds = new TestBuilds();

    const built = await builds.build({
      "index.html": page,
      "app.js": "alert(1)",
      "img/a b.svg": `<svg>${" ".repeat(2000)}</svg>`,
      ".hidden": "x",
      ".well-known/x.txt": "x",
      _headers: "/*\n  X-A: 1\n",
    });

    expect([built.entry, built.assets]).toEqual([null, ".levain-assets/manifest.json"]);
    expect(urlsOf(built)).toEqual(["/.well-known/x.txt", "/app.js", "/img/a b.svg", "/index.html"]);
    const [own, made] = [filesOf(built.folder), /^\.levain-assets\/[0-9a-f]{64}\.(br|zst|gz)$/];
    expect(own.filter((path) => !made.test(path))).toEqual([
      ".levain-assets/manifest.json",
      ".well-known/x.txt",
      "app.js",
      "img/a b.svg",
      "index.html",
    ]);
    expect(own.filter((path) => made.test(path))).toHaveLength(3);
  });

  test("may have files with the names of what every object has", async () => {
    using builds = new TestBuilds();

    const built = await builds.build({
      "index.html": page,
      constructor: "x",
      "a.constructor": "x",
      "b.__proto__": "x",
    });

    expect(manifestOf(built).files.map(({ url, type }) => `${url} ${type}`)).toEqual([
      "/a.constructor application/octet-stream",
      "/b.__proto__ application/octet-stream",
      "/constructor text/plain; charset=utf-8",
      "/index.html text/html; charset=utf-8",
    ]);
  });

  test("gives the same bytes each time, however its files are dated and ordered", async () => {
    using builds = new TestBuilds();
    const files = { "index.html": page, "z.css": "a{}".repeat(500), "a.js": "1;".repeat(500) };
    const all = async (source: Record<string, string>) => {
      const { folder } = await builds.build(source);
      return filesOf(folder).map((path) => [path, readFileSync(join(folder, path), "hex")]);
    };

    const first = await all(files);

    expect(await all(Object.fromEntries(Object.entries(files).reverse()))).toEqual(first);
  });

  test("is a single-page app when its one page has a script, unless it says that pages are missing", async () => {
    using builds = new TestBuilds();
    const script = "<script src=/a.js></script>";
    const isSpa = async (source: Record<string, string>) =>
      manifestOf(await builds.build({ "a.js": "1", ...source })).spa;

    expect(await isSpa({ "index.html": script })).toBe(true);
    expect(await isSpa({ "index.html": page })).toBe(false);
    expect(await isSpa({ "index.html": script, "404.html": page })).toBe(false);
    expect(await isSpa({ "index.html": script, "about.html": page })).toBe(false);
    const said = config({ assets: { folder: ".", spa: true } });
    expect(await isSpa({ "index.html": page, "404.html": page, ...said })).toBe(true);
  });
});

describe("asset folders of an app", () => {
  test("lie beside its process, several by their paths", async () => {
    using builds = new TestBuilds();

    const built = await builds.build({
      "index.ts": "export default { fetch: () => new Response('app') }",
      "public/a.txt": "a",
      "out/static/b.js": "b",
      ...config({ assets: { folder: { "/": "public", "/_next/static": "out/static" } } }),
    });

    expect(built.entry).toBe("index.levain.js");
    expect(urlsOf(built)).toEqual(["/_next/static/b.js", "/a.txt"]);
    expect(manifestOf(built).files[0]?.isImmutable).toBe(true);
    expect(await builds.run(built)).toBe("app");
  });

  test("are made by the build", async () => {
    using builds = new TestBuilds();

    const built = await builds.build({
      "src/main.ts": "document.title = 'x'",
      ...config({
        build: `mkdir dist && echo '${page}' > dist/index.html && ln -s /etc/passwd dist/passwd && ln -s /etc dist/etc`,
        assets: "dist",
      }),
    });

    expect(built.entry).toBeNull();
    expect(urlsOf(built)).toEqual(["/index.html"]);
    expect(existsSync(join(built.folder, "dist/passwd"))).toBe(false);
    expect(existsSync(join(built.folder, "src/main.ts"))).toBe(false);
    expect(built.warnings.join()).toContain("passwd is a link or no file, and is not served");
  });

  test("can be switched off", async () => {
    using builds = new TestBuilds();

    const failure = await builds.failure({ "index.html": page, ...config({ assets: false }) });

    expect(failure.code).toBe("ENTRY_NOT_FOUND");
  });
});

describe("what cannot be prepared", () => {
  test.each([
    ["a folder that is not there", { ...config({ assets: "dist" }) }, "there is no folder dist"],
    ["a folder without files", { "dist/.keep": "", ...config({ assets: "dist" }) }, "no files"],
    ["a rule that cannot be read", { _redirects: "/a /b 200\n/c /d 418\n" }, "_redirects, line 2"],
    ["a header that is not the app's", { _headers: "/*\n  ETag: x\n" }, "_headers, line 2: etag"],
    [
      "two files of one path",
      { "a/b/x": "", "c/x": "", ...config({ assets: { folder: { "/": "a", "/b": "c" } } }) },
      "/b/x is in two",
    ],
  ])("%s is said", async (_what, source, words) => {
    using builds = new TestBuilds();

    const error = await builds.failure({ "index.html": page, ...source } as Record<string, string>);

    expect(error.code).toBe("ASSETS_INVALID");
    expect(error.message).toContain(words);
  });

  test.each([
    ["file", "touch dist/$(printf '\\377')x"],
    ["folder", "mkdir dist/$(printf '\\377')x && touch dist/$(printf '\\377')x/y"],
    ["folder elsewhere", "mkdir $(printf '\\377')x && touch $(printf '\\377')x/y"],
  ])("a %s whose name is not UTF-8 is no error of Levain's", async (_what, makes) => {
    using builds = new TestBuilds();
    const build = `mkdir dist; cp index.html dist; ${makes}`;
    const source = { "index.html": page, ...config({ build, assets: "dist" }) };

    const error = await builds.build(source).then(
      (built) => listTree(built.folder, () => false).catch((thrown) => thrown),
      (thrown) => thrown,
    );

    expect(["BUILD_FAILED", "ASSETS_INVALID"]).toContain(error.code);
    expect(error.message).toContain("\uFFFDx");
  });

  test("what a project leaves under our name leads nowhere", async () => {
    using builds = new TestBuilds();
    const elsewhere = mkdtempSync(join(tmpdir(), "levain-elsewhere-"));
    writeFileSync(join(elsewhere, "kept.txt"), "kept");

    const built = await builds.build({
      "index.html": page.repeat(50),
      ...config({ build: `ln -s ${elsewhere} .levain-assets; true`, assets: "." }),
    });

    expect(readdirSync(elsewhere)).toEqual(["kept.txt"]);
    expect(filesOf(join(built.folder, ".levain-assets"))).toContain("manifest.json");
    rmSync(elsewhere, { recursive: true });
  });
});
