import { expect, test } from "bun:test";
import { symlinkSync } from "node:fs";
import { TestFolder } from "./folder-for-tests.ts";
import { installedPackages } from "./installed-packages.ts";

const manifest = (fields: object) => JSON.stringify(fields);
const ids = (folder: TestFolder) =>
  installedPackages(folder.path, null).packages.map(({ name, version }) => `${name}@${version}`);

test("packages are found from one to the next, nested ones too, each once", () => {
  using folder = new TestFolder({
    "package.json": manifest({ dependencies: { a: "1" }, devDependencies: { tool: "1" } }),
    "node_modules/a/package.json": manifest({
      name: "a",
      version: "1.0.0",
      license: "MIT",
      dependencies: { b: "2" },
    }),
    "node_modules/a/node_modules/b/package.json": manifest({ name: "b", version: "2.0.0" }),
    "node_modules/b/package.json": manifest({ name: "b", version: "1.0.0" }),
    "node_modules/tool/package.json": manifest({
      name: "tool",
      version: "3.0.0",
      licenses: [{ type: "ISC" }],
      dependencies: { b: "1", a: "1" },
      scripts: { postinstall: "node x.js", test: "true" },
    }),
    "node_modules/stray/package.json": manifest({ name: "stray", version: "1.0.0" }),
  });

  const { packages, uses, leftOut } = installedPackages(folder.path, null);

  expect(packages).toMatchObject([
    { name: "a", license: "MIT", isDevelopment: false, uses: [2] },
    { name: "b", version: "1.0.0", isDevelopment: true },
    { name: "b", version: "2.0.0", isDevelopment: false },
    { name: "tool", license: "ISC", isDevelopment: true, scripts: ["postinstall"], uses: [0, 1] },
  ]);
  expect([uses, leftOut]).toEqual([[0, 3], 0]);
});

test("packages that reach each other in a circle, and themselves, end", () => {
  using folder = new TestFolder({
    "package.json": manifest({ dependencies: { a: "1", "": "1", "..": "1", "../../etc": "1" } }),
    "node_modules/a/package.json": manifest({
      name: "a",
      version: "1.0.0",
      dependencies: { a: "1", b: "1" },
    }),
    "node_modules/b/package.json": manifest({
      name: "b",
      version: "1.0.0",
      peerDependencies: { a: "1" },
    }),
  });

  expect(ids(folder)).toEqual(["a@1.0.0", "b@1.0.0"]);
});

test("a link that leads out of the project, and what is no package, are not read", () => {
  using outside = new TestFolder({ "package.json": manifest({ name: "x", version: "6.6.6" }) });
  using folder = new TestFolder({
    "package.json": manifest({ dependencies: { x: "1", y: "1", z: "1", w: "1" } }),
    "node_modules/y/package.json": "{ not json",
    "node_modules/z": "a file",
    "node_modules/w/package.json": manifest({ name: 7, version: { a: 1 }, dependencies: "none" }),
  });
  symlinkSync(outside.path, folder.at("node_modules/x"));

  expect(ids(folder)).toEqual(["w@"]);
});

test("a package.json with `__proto__` and other names of objects is data", () => {
  using folder = new TestFolder({
    "package.json": `{"dependencies":{"__proto__":"1","constructor":"1","a":"1"},"__proto__":{"dependencies":{"b":"1"}}}`,
    "node_modules/a/package.json": `{"name":"a","version":"1.0.0","scripts":{"__proto__":{"install":"x"}}}`,
    "node_modules/b/package.json": manifest({ name: "b", version: "1.0.0" }),
    "node_modules/constructor/package.json": manifest({ name: "constructor", version: "1.0.0" }),
    "node_modules/__proto__/package.json": manifest({ name: "__proto__", version: "1.0.0" }),
  });

  expect(ids(folder)).toEqual(["__proto__@1.0.0", "a@1.0.0", "constructor@1.0.0"]);
  expect(({} as { dependencies?: unknown }).dependencies).toBeUndefined();
});

test("bytes are told by the lockfile of whichever installer", () => {
  const locks: Record<string, string> = {
    "bun.lock": `{ "lockfileVersion": 1, "packages": { "@s/a": ["@s/a@1.0.0", "", {}, "sha512-one"], }, }`,
    "package-lock.json": manifest({
      packages: { "": {}, "node_modules/@s/a": { version: "1.0.0", integrity: "sha512-one" } },
    }),
    "npm-shrinkwrap.json": manifest({
      dependencies: { "@s/a": { version: "1.0.0", integrity: "sha512-one" } },
    }),
    "pnpm-lock.yaml":
      "packages:\n  '@s/a@1.0.0':\n    resolution: {integrity: sha512-one}\n  b@1.0.0(x@1):\n    resolution: {}\n",
    "yarn.lock":
      '# yarn lockfile v1\n\n"@s/a@^1.0.0", "@s/a@1":\n  version "1.0.0"\n  resolved "https://r.example/a.tgz#x"\n  integrity sha512-one\n',
  };
  using folder = new TestFolder({
    "package.json": manifest({ dependencies: { "@s/a": "1" } }),
    "node_modules/@s/a/package.json": manifest({ name: "@s/a", version: "1.0.0" }),
  });

  for (const [name, text] of Object.entries(locks)) {
    const [found] = installedPackages(folder.path, { name, text }).packages;
    expect(found?.integrity, name).toBe("sha512-one");
    expect(installedPackages(folder.path, { name, text: "{{{" }).packages.length, name).toBe(1);
  }
});
