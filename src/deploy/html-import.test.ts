/** Goal: pages that a server imports are made as `bun run` makes them, and it keeps its own options. Method: real builds. */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AssetManifest } from "../assets/asset-manifest.ts";
import { emptyEnvironment } from "../secrets/environments-for-tests.ts";
import { TestBuilds } from "./build-for-tests.ts";
import type { BuiltApp } from "./builder.ts";
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

const page = (script: string) =>
  `<!doctype html><title>Bread</title><link rel="stylesheet" href="./page.css"><script type="module" src="./${script}"></script>`;
const source = {
  "src/index.ts": `
    import page from "./page.html";
    import mail from "./mail.html" with { type: "text" };
    const routes = { "/*": page };
    export default { fetch: async () => new Response([
      await Bun.file(page.index).text(), JSON.stringify(page.files), mail, process.env.BUN_PUBLIC_PLACE, routes["/*"] === page,
    ].join("|")) };`,
  "src/page.html": page("page.tsx"),
  "src/page.css": "main { color: red; }",
  "src/page.tsx": `const greeting: string = process.env.BUN_PUBLIC_PLACE + process.env.NODE_ENV;
    console.log(greeting, "a text of the page");`,
  "src/mail.html": `<p>mail</p><script src="./not-there.js"></script>`,
  "bunfig.toml": `[serve.static]\nenv = "BUN_PUBLIC_*"\n`,
};

function served(built: BuiltApp): AssetManifest["files"] {
  const text = readFileSync(join(built.folder, built.assets ?? ""), "utf8");
  return (JSON.parse(text) as AssetManifest).files;
}

/** Text of the file of a page that ends so. */
function textOf(built: BuiltApp, ending: string): string {
  const file = served(built).find(({ url }) => url.endsWith(ending));
  return file === undefined ? "" : readFileSync(join(built.folder, file.path), "utf8");
}

describe("an HTML import", () => {
  test("becomes a page beside its source, and what it loads is answered by the node, for good", async () => {
    const built = await setup().build(source);

    const files = served(built);
    expect(files.map(({ url }) => url.replace(/-\w{8}\./, "-#.")).sort()).toEqual([
      "/_bun/page-#.css",
      "/_bun/page-#.js",
    ]);
    expect(files.every(({ isImmutable }) => isImmutable)).toBe(true);
    const [html, list, mail] = (await setup().run(built)).split("|");
    for (const { url } of files) expect(html).toContain(`"${url}"`);
    expect(list).toBe("[]");
    expect(mail).toBe(source["src/mail.html"]);
    expect(built.warnings.join()).toContain("BUN_PUBLIC_PLACE");
  });

  test("has values of the build written in as bunfig.toml says, and the server reads its own when it runs", async () => {
    const build = new Map([
      ["BUN_PUBLIC_PLACE", "the corner"],
      ["PLACE", "a secret"],
    ]);
    const built = await setup().build(
      { ...source, "src/page.tsx": `${source["src/page.tsx"]} console.log(process.env.PLACE);` },
      { environment: { ...emptyEnvironment, build } },
    );

    const script = textOf(built, ".js");
    expect(script).toContain("the corner");
    expect(script).toContain("production");
    expect(script).not.toContain("a secret");
    expect(script.trim().split("\n")).toHaveLength(1);
    expect(readFileSync(join(built.folder, built.entry!), "utf8")).toContain(
      "process.env.BUN_PUBLIC_PLACE",
    );
  });

  test("is made with the plug-ins of bunfig.toml, which the server is not", async () => {
    const built = await setup().build({
      ...source,
      "bunfig.toml": `[serve.static]\nplugins = ["./loud.ts"]\n`,
      "loud.ts": `export default { name: "loud", setup(build) {
        build.onResolve({ filter: /^loud:/ }, ({ path }) => ({ path: path.slice(5), namespace: "loud" }));
        build.onLoad({ filter: /.*/, namespace: "loud" }, ({ path }) => ({
          contents: "export default " + JSON.stringify(path.toUpperCase()), loader: "js" }));
      } };`,
      "src/page.tsx": `import text from "loud:fresh bread"; console.log(text);`,
    });

    expect(textOf(built, ".js")).toContain("FRESH BREAD");
  });

  test("stands beside files of the app's own, and works when these are switched off", async () => {
    const own = { ...source, "public/robots.txt": "User-agent: *" };
    const config = (assets: unknown) => ({ "levain.config.json": JSON.stringify({ assets }) });

    const both = await setup().build({ ...own, ...config("public") });
    const none = await setup().build({ ...own, ...config(false) });

    expect(served(both).map(({ url }) => url)).toContain("/robots.txt");
    expect(textOf(both, ".js")).toContain("a text of the page");
    expect(served(none).map(({ url }) => url)).not.toContain("/robots.txt");
    expect(textOf(none, ".js")).toContain("a text of the page");
  });

  test("what a project brings under the name of the folder is not served", async () => {
    const built = await setup().build({ ...source, ".levain-client/secret-abcdefgh.js": "1" });

    expect(
      served(built)
        .map(({ url }) => url)
        .join(),
    ).not.toContain("secret");
  });

  test("the same source gives the same artifact", async () => {
    const builds = setup();
    const first = await filesIn((await builds.build(source)).folder);

    expect(await filesIn((await builds.build(source)).folder)).toEqual(first);
  });

  test.each([
    ["a plug-in that is missing", { "bunfig.toml": '[serve.static]\nplugins = ["gone"]' }, "gone"],
    [
      "a plug-in that is none",
      { "bunfig.toml": '[serve.static]\nplugins = ["./x.ts"]', "x.ts": "export default 5" },
      "has no default export",
    ],
    ["a script that is missing", { "src/page.html": page("gone.ts") }, "gone.ts"],
    ["a script that is broken", { "src/page.tsx": "const = 1" }, "src/page.tsx:1:7"],
  ])("%s fails the build and is named", async (_what, change, message) => {
    const error = await setup().failure({ ...source, ...change });

    expect(error.code).toBe("BUILD_FAILED");
    expect(error.message).toContain(message);
  });
});
