import { expect, test } from "bun:test";
import { locationsBanner, rewriteAssets, rewriteLocations } from "./module-locations.ts";

test("a module that does not ask for its place is left as it is", () => {
  for (const text of [
    "export const a = 1;",
    "import.meta.env.X; import.meta.hot; import.meta.require('x')",
    "const x = a.__dirname; y.import.meta.dir;",
    "import.meta.directory",
  ]) {
    expect(rewriteLocations(text, "a.ts", "own")).toBeNull();
  }
});

test("lines stay where they are", () => {
  const text =
    "#!/usr/bin/env bun\nimport { a } from 'a';\nconsole.log(import.meta.dir, __dirname);\n";

  for (const kind of ["entry", "own", "package"] as const) {
    const lines = rewriteLocations(text, "src/a.ts", kind)?.split("\n");
    expect(lines).toHaveLength(4);
    expect(lines?.[1]).toBe("import { a } from 'a';");
  }
});

test("names that the module declares itself are its own", () => {
  for (const declaration of [
    "const __dirname = dirname(import.meta.path)",
    "let a, __dirname",
    "import __dirname from 'x'",
    "import { __dirname } from './x'",
    "function __dirname() {}",
    "const { __dirname } = x",
  ]) {
    expect(rewriteLocations(`${declaration}; use(__dirname)`, "a.ts", "own") ?? "").not.toContain(
      "__dirname = /*",
    );
  }
  for (const use of [
    "use(__dirname)",
    "import path from 'path'\nexport default __dirname",
    "console.log(import.meta.dir, __dirname)",
    "const a = __dirname",
    "let a\nmodule.exports = { __dirname }",
  ]) {
    expect(rewriteLocations(use, "a.ts", "own")).toContain("__dirname = /*");
  }
});

test("only the entry is the main module", () => {
  const text = "if (import.meta.main || require.main === module) start();";

  expect(rewriteLocations(text, "a.ts", "entry")).toBe("if (true || true) start();");
  expect(rewriteLocations(text, "a.ts", "own")).toBeNull();
});

test("only assets of the bundle become paths", () => {
  const assets = new Map([["../levain-assets/a-1.png", "levain-assets/a-1.png"]]);
  const text =
    'var a_default = "../levain-assets/a-1.png";\nvar b = "../other.png";\nf("../levain-assets/a-1.png");';

  expect(rewriteAssets(text, assets).split("\n")).toEqual([
    'var a_default = /* @__PURE__ */ __levainModule("levain-assets/a-1.png").path;',
    'var b = "../other.png";',
    'f("../levain-assets/a-1.png");',
  ]);
});

test("the banner is one line: it moves no line of the bundle but by itself", () => {
  expect(locationsBanner("src/deep/index.ts")).not.toContain("\n");
});
