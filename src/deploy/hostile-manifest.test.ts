/** Goal: whatever stands in a project's package.json, a build fails with a cause or goes on, and the node stays as it is. */
import { afterEach, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { PlatformError } from "../base/errors.ts";
import { TestBuilds } from "./build-for-tests.ts";

const timeoutMs = 60_000;
const app = "export default { fetch: () => new Response('ok') };";
const open: TestBuilds[] = [];
afterEach(() => {
  for (const builds of open.splice(0)) builds[Symbol.dispose]();
});

function setup(): TestBuilds {
  const builds = new TestBuilds();
  open.push(builds);
  return builds;
}

async function codeOf(
  manifest: string,
  files: Record<string, string> = {},
): Promise<string | null> {
  const source = { "package.json": manifest, "index.ts": app, ...files };
  try {
    await setup().build(source);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(PlatformError);
    return (error as PlatformError).code;
  }
}

test.each<[string, string, string | null]>([
  ["no JSON", "{", "BUILD_FAILED"],
  ["a list", "[]", "BUILD_FAILED"],
  ["null", "null", "BUILD_FAILED"],
  ["of 5 MiB", JSON.stringify({ description: "x".repeat(5 * 1024 * 1024) }), "BUILD_FAILED"],
  ["nested a hundred thousand deep", `{"a":${"[".repeat(1e5)}${"]".repeat(1e5)}}`, null],
  ["with names of Object's own", `{"__proto__":{"main":"/etc/passwd"},"constructor":1}`, null],
  [
    "with fields of other kinds",
    `{"name":7,"main":{},"scripts":"x","exports":[1,{"a":null}]}`,
    null,
  ],
  ["with a main that leads out", `{"main":"../../../../etc/passwd"}`, null],
  ["with a main that is absolute", `{"module":"/etc/passwd","main":"/etc/shadow"}`, null],
])(
  "a package.json that is %s",
  async (_, manifest, code) => {
    const found = await codeOf(manifest);

    if (code === null) expect([null, "BUILD_FAILED", "ENTRY_NOT_FOUND"]).toContain(found);
    else expect(found).toBe(code);
    expect(({} as { main?: unknown }).main).toBeUndefined();
  },
  timeoutMs,
);

test(
  "workspaces that contain each other end",
  async () => {
    const code = await codeOf(
      `{"name":"root","workspaces":["a","b","../..","/etc","**"],"dependencies":{"a":"workspace:*"}}`,
      {
        "a/package.json": `{"name":"a","version":"1.0.0","dependencies":{"b":"workspace:*"}}`,
        "b/package.json": `{"name":"b","version":"1.0.0","dependencies":{"a":"workspace:*","root":"workspace:*"}}`,
      },
    );

    expect([null, "INSTALL_FAILED"]).toContain(code);
  },
  timeoutMs,
);

test(
  "lifecycle scripts run neither for the project nor for its packages, nor for what it trusts",
  async () => {
    const builds = setup();
    const mark = builds.data.at("ran");
    const scripts = Object.fromEntries(
      ["preinstall", "install", "postinstall", "prepare", "preprepare", "prepublish"].map(
        (name) => [name, `touch ${mark}; touch ran`],
      ),
    );

    const built = await builds.build({
      "package.json": JSON.stringify({
        name: "shop",
        scripts,
        dependencies: { evil: "file:./evil" },
        trustedDependencies: ["evil"],
      }),
      "evil/package.json": JSON.stringify({ name: "evil", version: "1.0.0", scripts }),
      "evil/index.js": "",
      "evil/binding.gyp": "{}",
      "index.ts": app,
    });

    expect(existsSync(mark)).toBe(false);
    expect(existsSync(`${built.folder}/ran`)).toBe(false);
    expect(built.provenance.scripts).toEqual({
      declared: [
        { name: ".", scripts: ["preinstall", "install", "postinstall"] },
        { name: "evil@1.0.0", scripts: ["preinstall", "install", "postinstall"] },
      ],
      ran: [],
    });
  },
  timeoutMs,
);

test(
  "a dependency on a file of the machine gives the app nothing of it",
  async () => {
    const code = await codeOf(
      JSON.stringify({ dependencies: { etc: "file:/etc", up: "file:../../.." } }),
    );

    expect([null, "INSTALL_FAILED"]).toContain(code);
    if (code === null) {
      const { data } = open.at(-1) as TestBuilds;
      expect(existsSync(data.at("builds/shop/app/node_modules/etc/passwd"))).toBe(false);
    }
  },
  timeoutMs,
);
