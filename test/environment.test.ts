/**
 * Goal: an app gets what was set for its branch, and nobody else does. Method: a whole node, real deploys, and what is on its
 * disk.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

/** Answers with its whole environment. */
const answers = "export default { fetch: () => Response.json(process.env) };";

let node: TestNode;
const folders: string[] = [];
beforeAll(async () => {
  node = await startTestNode();
}, 90_000);
afterAll(async () => {
  await node[Symbol.asyncDispose]();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function project(files: Record<string, string>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "levain-env-"));
  folders.push(folder);
  for (const [name, text] of Object.entries({ "index.ts": answers, ...files })) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const config = (env: string, rest = "") =>
  `import { enumOf, number, port, secret, string, url } from "levain";
   export default { env: ${env}, ${rest} };`;

async function seen(host: string): Promise<Record<string, string>> {
  return (await (await node.fetch(host, "/")).json()) as Record<string, string>;
}

/** Files of the data directory that have a text in them. */
function filesWith(text: string): string[] {
  return readdirSync(node.dataDir, { recursive: true, encoding: "utf8" })
    .map((name) => join(node.dataDir, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => readFileSync(path, "latin1").includes(text));
}

describe("a value that is set", () => {
  test("reaches the app as it is, and is neither on the disk nor in any output", async () => {
    const values: Record<string, string> = {
      LINES: "-----BEGIN KEY-----\nsesame-one\r\n-----END KEY-----\n",
      UNICODE: "сезам-🔑-sesame-two",
      QUOTES: `sesame-three "it's" \`$HOME\` \\n = # x`,
      LARGE: `sesame-four${"x".repeat(60_000)}`,
    };
    const said: string[] = [];
    for (const [name, value] of Object.entries(values)) {
      const { code, stdout, stderr } = await node.cli([
        "env",
        "set",
        `${name}=${value}`,
        "--app",
        "keeps",
      ]);
      expect(code, stderr).toBe(0);
      said.push(stdout, stderr);
    }
    const folder = await project({});
    const deployed = await node.cli(["deploy", folder, "--app", "keeps"]);
    expect(deployed.code, deployed.stderr).toBe(0);

    expect(await seen("keeps")).toMatchObject(values);
    for (const args of [
      ["env", "list", "--app", "keeps"],
      ["inspect", "keeps"],
      ["env", "diff", "--app", "keeps"],
      ["logs", "keeps"],
      ["audit"],
    ]) {
      const { code, stdout, stderr } = await node.cli(args);
      expect(code, `${args} ${stderr}`).toBe(0);
      said.push(stdout, stderr);
    }
    said.push(deployed.stdout, deployed.stderr, node.output());
    for (const line of said) expect(line).not.toContain("sesame");
    expect(filesWith("sesame")).toEqual([]);
    expect(statSync(join(node.dataDir, "master-key")).mode & 0o777).toBe(0o600);
  }, 60_000);

  test("is refused by name and rule, never by value", async () => {
    const refused = [
      ["1SESAME=sesame", "ENV_NAME_INVALID"],
      ["SES-AME=sesame", "ENV_NAME_INVALID"],
      ["LEVAIN_APP=sesame", "ENV_NAME_INVALID"],
      ["__proto__=sesame", "ENV_NAME_INVALID"],
      ["HOME=sesame", "ENV_NAME_INVALID"],
      [`BIG=${"sesame".repeat(12_000)}`, "ENV_VALUE_INVALID"],
    ];
    for (const [word = "", code = ""] of refused) {
      const { json, stdout } = await node.cli(["env", "set", word, "--app", "refuses"]);
      expect(json.error.code).toBe(code);
      expect(stdout.replace(word.split("=")[0] ?? "", "")).not.toContain("sesame");
    }
    expect((await node.cli(["env", "list", "--app", "refuses"])).json.data.values).toEqual([]);
  }, 60_000);

  test("is nearer for a branch than for previews, and there than for all; main's is no preview's", async () => {
    const folder = await project({
      "levain.config.json": '{"env":{"WHERE":"config","OWN":"config"}}',
    });
    const set = (value: string, ...flags: string[]) =>
      node.cli(["env", "set", `WHERE=${value}`, "--app", "near", ...flags]);
    const at = async (branch: string) => {
      const { json, stderr } = await node.cli([
        "deploy",
        folder,
        "--app",
        "near",
        "--branch",
        branch,
      ]);
      expect(json.ok, stderr).toBe(true);
      return (await seen(branch === "main" ? "near" : `${branch}--near`))["WHERE"];
    };

    expect(await at("main")).toBe("config");
    await set("all", "--all");
    expect(await at("one")).toBe("all");
    await set("previews", "--previews");
    await set("main");
    await set("two", "--branch", "two");

    expect([await at("main"), await at("one"), await at("two")]).toEqual([
      "main",
      "previews",
      "two",
    ]);
    const own = await seen("two--near");
    expect(own["OWN"]).toBe("config");
    expect(Object.values(own)).not.toContain("main-secret");
  }, 90_000);

  test("is what one of two that set at once has said, with all that came with it", async () => {
    const both = await Promise.all(
      ["one", "two"].map((word) =>
        node.cli(["env", "set", `A=${word}`, `B=${word}`, `C=${word}`, "--app", "races"]),
      ),
    );
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    const { code, stderr } = await node.cli(["deploy", await project({}), "--app", "races"]);
    expect(code, stderr).toBe(0);

    const { A, B, C } = await seen("races");
    expect([B, C]).toEqual([A!, A!]);
  }, 60_000);
});

describe("a deploy", () => {
  test("fails before anything is built or started, and names all that is missing or wrong", async () => {
    const env = `{ DATABASE_URL: url("postgres:"), REGION: enumOf("eu", "us"), SIZE: number({ max: 9 }), KEY: secret() }`;
    const folder = await project({ "levain.config.ts": config(env, 'build: "echo BUILT"') });
    await node.cli([
      "env",
      "set",
      "DATABASE_URL=https://sesame",
      "SIZE=10",
      "KEYY=sesame",
      "--app",
      "strict",
    ]);

    const { json, stdout, stderr } = await node.cli(["deploy", folder, "--app", "strict"]);

    expect(json.error.code).toBe("ENVIRONMENT_INVALID");
    expect(json.error.detail.problems).toEqual([
      "DATABASE_URL is set, but it must be a URL with postgres:",
      "REGION is missing; it must be one of eu, us",
      "SIZE is set, but it must be a number of at most 9",
      "KEY is missing; it must be a secret that is not empty; KEYY is set, is that what was meant?",
    ]);
    expect(stdout + stderr).not.toContain("BUILT");
    expect(stdout + stderr).not.toContain("sesame");
  }, 60_000);

  test("gives defaults and typed values, and warns of what nobody declared or reads", async () => {
    const folder = await project({
      "levain.config.ts": config(
        `{ LIMIT: number().default(7), REGION: enumOf("eu", "us"), NAMED: string().optional() }`,
      ),
      "index.ts": `import { readEnv } from "levain"; import config from "./levain.config.ts";
        const env = readEnv(config.env);
        export default { fetch: () => Response.json([env.LIMIT, env.REGION, process.env.LIMIT, env.NAMED ?? null]) };`,
    });
    await node.cli(["env", "set", "REGION=eu", "LEFT_OVER=old", "--app", "typed"]);

    const { json, stderr } = await node.cli(["deploy", folder, "--app", "typed"]);

    expect(json.ok, stderr).toBe(true);
    expect(await (await node.fetch("typed", "/")).json()).toEqual([7, "eu", "7", null]);
    const said = json.data.warnings.join("\n") + stderr;
    expect(said).toContain("LEFT_OVER is set, and levain.config.ts does not declare it");
    expect(said).toContain("LEFT_OVER is never read");
  }, 60_000);

  test("refuses defaults of the app's own schemas that no process could be given", async () => {
    const at = (value: string) =>
      `{ "~standard": { version: 1, vendor: "own", validate: () => ({ value: ${value} }) } }`;
    const folder = await project({
      "levain.config.ts": `export default { env: {
        NULS: ${at('"a\\0b"')}, BIG: ${at('"x".repeat(70_000)')}, FINE: ${at('"x".repeat(60_000)')} } };`,
    });
    const deployed = await node.cli(["deploy", folder, "--app", "defaults"]);
    expect(deployed.json.error.detail.problems).toEqual([
      "NULS is missing; it must be set: as the default of its schema, its value has a NUL character",
      "BIG is missing; it must be set: as the default of its schema, its value has 70000 bytes, at most 65536 are accepted",
    ]);

    const many = Array.from({ length: 5 }, (_, index) => `E${index}: ${at('"x".repeat(60_000)')}`);
    await Bun.write(join(folder, "levain.config.ts"), `export default { env: { ${many} } };`);
    const all = await node.cli(["deploy", folder, "--app", "defaults"]);
    expect(all.json.error.code, all.stderr).toBe("ENV_TOO_LARGE");
  }, 60_000);

  test("asks a schema of the app's own, from a package that is installed first, and again at a promote", async () => {
    const schema = `const at = (check) => ({ "~standard": { version: 1, vendor: "tiny", validate: check } });
      export const email = () => at((value) => value === undefined ? { value: "nobody@example.com" }
        : /@/.test(value) ? { value } : { issues: [{ message: "must have an @, not " + value }] });`;
    const folder = await project({
      "package.json": '{"name":"own","dependencies":{"tiny-schema":"file:./tiny"}}',
      "tiny/package.json":
        '{"name":"tiny-schema","version":"1.0.0","type":"module","exports":"./index.js"}',
      "tiny/index.js": schema,
      "levain.config.ts": `import * as t from "tiny-schema"; export default { env: { ADMIN: t.email() } };`,
    });
    await node.cli(["env", "set", "ADMIN=sesame-admin", "--app", "own"]);
    const bad = await node.cli(["deploy", folder, "--app", "own"]);
    expect(bad.json.error.detail.problems).toEqual([
      "ADMIN is set, but it must be as its schema says: must have an @, not …",
    ]);
    await node.cli(["env", "unset", "ADMIN", "--app", "own"]);

    const good = await node.cli(["deploy", folder, "--app", "own"]);
    expect(good.json.ok, good.stderr).toBe(true);
    expect((await seen("own"))["ADMIN"]).toBe("nobody@example.com");

    await node.cli(["env", "set", "ADMIN=no", "--app", "own", "--branch", "next"]);
    const refused = await node.cli(["promote", "own", "v1", "--branch", "next", "--yes"]);
    expect(refused.json.error.code, node.output()).toBe("ENVIRONMENT_INVALID");
    await node.cli(["env", "set", "ADMIN=a@b", "--app", "own", "--branch", "next"]);
    const promoted = await node.cli(["promote", "own", "v1", "--branch", "next", "--yes"]);
    expect(promoted.json.ok, promoted.stderr).toBe(true);
    expect((await seen("next--own"))["ADMIN"]).toBe("a@b");
  }, 90_000);

  test("gives values for builds to the build alone, and shows none of them", async () => {
    const folder = await project({
      "levain.config.ts": config(
        "{}",
        'build: "echo token $TOKEN; printf %s \\"$TOKEN\\" | wc -c > size.txt"',
      ),
      "index.ts": `import text from "./size.txt";
        export default { fetch: () => Response.json([text.trim(), process.env.TOKEN ?? null]) };`,
    });
    await node.cli(["env", "set", "TOKEN=sesame-build", "--build", "--app", "builds"]);

    const { json, stdout, stderr } = await node.cli(["deploy", folder, "--app", "builds"]);

    expect(json.ok, stderr + stdout).toBe(true);
    expect(await (await node.fetch("builds", "/")).json()).toEqual(["12", null]);
    expect(stdout + stderr).not.toContain("sesame");
    expect(
      (await node.cli(["env", "set", "PATH=/x", "--build", "--app", "builds"])).json.error.code,
    ).toBe("ENV_NAME_INVALID");
  }, 60_000);
});

describe("what is set later", () => {
  test("takes effect by apply, as another version of the same build, and a rollback takes it back", async () => {
    const folder = await project({});
    await node.cli(["env", "set", "COLOR=red", "--app", "later"]);
    const first = await node.cli(["deploy", folder, "--app", "later"]);
    await node.cli(["env", "set", "COLOR=blue", "SHAPE=round", "--app", "later"]);
    expect((await seen("later"))["COLOR"]).toBe("red");

    const diff = await node.cli(["env", "diff", "--app", "later"]);
    expect(diff.json.data).toMatchObject({ added: ["SHAPE"], removed: [], changed: ["COLOR"] });
    const applied = await node.cli(["env", "apply", "--app", "later"]);
    expect(applied.json.data).toMatchObject({ version: 2, source: 1, changed: ["COLOR"] });
    expect(await seen("later")).toMatchObject({ COLOR: "blue", SHAPE: "round" });
    expect((await node.cli(["env", "apply", "--app", "later"])).json.data.version).toBe(2);
    const inspected = await node.cli(["inspect", "later@v2"]);
    expect(inspected.json.data.digest).toBe(first.json.data.digest);

    await node.cli(["rollback", "later"]);
    expect((await seen("later"))["COLOR"]).toBe("red");
  }, 60_000);

  test("differs by branch: promote shows it, waits for a yes, and does it once", async () => {
    const folder = await project({});
    await node.cli(["env", "set", "DB=preview", "--app", "promo", "--branch", "fix"]);
    await node.cli(["env", "set", "DB=production", "ONLY=here", "--app", "promo"]);
    await node.cli(["deploy", folder, "--app", "promo", "--branch", "fix"]);

    const asked = await node.cli(["promote", "promo", "v1"]);
    expect(asked.json.error).toMatchObject({
      code: "ENVIRONMENT_UNCONFIRMED",
      detail: { added: ["ONLY"], changed: ["DB"], removed: [] },
    });
    const stale = await fetch(`http://127.0.0.1:${node.adminPort}/v1/apps/promo/promote`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${readFileSync(join(node.dataDir, "admin-token"), "utf8").trim()}`,
      },
      body: JSON.stringify({ version: 1, expected: "0".repeat(8) }),
    });
    expect(await stale.json()).toMatchObject({ error: { code: "ENVIRONMENT_CHANGED" } });
    const done = await node.cli(["promote", "promo", "v1", "--yes"]);
    expect(done.json.data).toMatchObject({ version: 2, source: 1, branch: "main" });
    expect(await seen("promo")).toMatchObject({
      DB: "production",
      ONLY: "here",
      LEVAIN_BRANCH: "main",
    });
    expect((await seen("fix--promo"))["DB"]).toBe("preview");
    expect((await node.cli(["promote", "promo", "v1", "--yes"])).json.data.version).toBe(2);
    // On its own branch nothing differs, and it is the version itself.
    const same = await node.cli(["promote", "promo", "v1", "--branch", "fix"]);
    expect(same.json.data).toMatchObject({ version: 1, source: 1 });
  }, 60_000);
});

test("a file is imported whole or not at all, and compared without a value", async () => {
  const folder = await project({
    ".env": `# comment\nexport A=one\nB="two\nlines" # c\nC='raw \\n $A'\n`,
    "bad.env": "A=other\nsesame without sign\n",
    "open.env": 'A=other\nB="sesame\n',
  });
  const run = (...args: string[]) => node.cli(["env", ...args, "--app", "files"], { cwd: folder });

  expect((await run("import", ".env")).json.data.added).toEqual(["A", "B", "C"]);
  for (const file of ["bad.env", "open.env", "none.env"]) {
    const { json, stdout } = await run("import", file);
    expect(json.error.code).toBe("ENV_FILE_INVALID");
    expect(stdout).not.toContain("sesame");
  }
  const { json } = await run("diff", "main", "--file", ".env");
  expect(json.data).toMatchObject({ added: [], removed: [], changed: [], same: 3 });
}, 60_000);
