/**
 * Goal: what a node has is not lost with its machine. Method: a real node with apps, secrets, tokens and a domain; its backup is
 * restored to another data directory, and a node on that serves the same.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../src/base/until-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

let folder: string;
let node: TestNode;
let to: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "levain-backup-"));
  chmodSync(folder, 0o755);
  to = join(folder, "backups");
  node = await startTestNode();
  await ok(["env", "set", "SECRET=first", "--app", "shop"]);
  await ok(["deploy", app("shop", "env.SECRET"), "--app", "shop"]);
}, 120_000);
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

/** Answers with a value of its environment. */
function app(name: string, value: string): string {
  const path = join(folder, `app-${name}`);
  mkdirSync(path, { recursive: true });
  writeFileSync(
    join(path, "index.ts"),
    `export default { fetch: async () => new Response(\`\${process.${value}} \${await rows()}\`) };
     const sql = new Bun.SQL(process.env.DATABASE_URL);
     async function rows() {
       await sql\`CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())\`;
       await sql\`INSERT INTO visits DEFAULT VALUES\`;
       return (await sql\`SELECT count(*)::int AS n FROM visits\`)[0].n;
     }`,
  );
  writeFileSync(join(path, "levain.config.ts"), "export default { database: true };");
  return path;
}

const ok = async (args: string[]) => {
  const { json, stderr } = await node.cli(args);
  if (json?.ok !== true) throw new Error(`${args.join(" ")}: ${JSON.stringify(json)} ${stderr}`);
  return json.data;
};

const visit = async (of: TestNode) => await (await of.fetch("shop", "/")).text();

describe("a whole node", () => {
  test("is served by another one out of its backup: versions, secrets, rows, tokens, domains", async () => {
    await ok(["token", "create", "ann", "--role", "read"]);
    await ok(["domains", "add", "shop", "shop.example.com"]);
    const before = [await visit(node), await visit(node)];
    const done = await ok(["backup", "--to", to]);
    await ok(["env", "set", "SECRET=later", "--app", "shop"]);
    await visit(node);
    const restored = join(folder, "restored");

    const refused = await node.cli(["restore", to]);
    const withKey = ["restore", to, "--key", join(node.dataDir, "master-key")];
    const second = await cliOn(restored, withKey);

    // The boot check was the first one.
    expect(before).toEqual(["first 2", "first 3"]);
    expect(refused.json.error.code).toBe("RESTORE_TARGET_TAKEN");
    expect(done).toMatchObject({ isEncrypted: false, hasMasterKey: false });
    const counts = { apps: 1, databases: 1, artifacts: 1 };
    expect(second.json).toMatchObject({ ok: true, data: { counts, missingKeys: [] } });
    await using other = await startTestNode({ dataDir: restored });
    // Neither a route table nor a list of databases is on its disk yet: both come from the store before it says that it runs.
    await until(() => other.output().includes("is running"), 60_000);
    expect(await visit(other)).toBe("first 4");
    const { json: versions } = await other.cli(["versions", "shop"]);
    expect(versions.data.versions).toHaveLength(1);
    const { json: tokens } = await other.cli(["token", "list"]);
    expect(tokens.data.tokens.map(({ name }: { name: string }) => name)).toEqual(["ann"]);
    const { json: domains } = await other.cli(["domains", "list", "shop"]);
    expect(domains.data.domains).toMatchObject([{ host: "shop.example.com" }]);
    expect((await other.cli(["deploy", app("shop", "env.SECRET"), "--app", "shop"])).json.ok).toBe(
      true,
    );
  }, 120_000);

  test("without its key is refused by the key's name, and nothing is written", async () => {
    const restored = join(folder, "keyless");

    const refused = await cliOn(restored, ["restore", to]);

    expect(refused.json.error.code).toBe("BACKUP_KEY_NEEDED");
    expect(existsSync(restored)).toBe(false);
  }, 60_000);

  test("is not started on what a restore has left that was killed, and the next restore begins anew", async () => {
    const restored = join(folder, "killed");
    const words = ["restore", to, "--without-key"];
    const doomed = spawnCli(restored, words);
    await until(() => existsSync(join(restored, "postgres", "data")), 60_000);
    doomed.kill("SIGKILL");
    await doomed.exited;

    const up = await cliOn(restored, ["up", "--port", "0", "--admin-port", "0"]);
    const again = await cliOn(restored, words);

    expect(up.json.error.code).toBe("RESTORE_UNFINISHED");
    expect(again.json).toMatchObject({ ok: true, data: { missingKeys: [expect.any(String)] } });
  }, 60_000);
});

describe("one database", () => {
  const number = async () => Number((await visit(node)).split(" ")[1]);
  const db = (...words: string[]) => node.cli(["db", ...words, "--app", "shop"], { cwd: folder });

  test("is dumped, and restored in the place of what the branch has, while its app goes on", async () => {
    const dumped = await number();
    const plain = await db("dump", "main", "plain.sql");
    const packed = await db("dump");
    await visit(node);

    const unasked = await db("restore", "main", "plain.sql");
    const restored = await db("restore", "main", "plain.sql", "--confirm", "main");
    const number1 = await number();
    const again = await db("restore", "main", "shop-main.sql.zst", "--confirm", "main");

    expect(unasked.json.error.code).toBe("CONSENT_MISSING");
    expect(plain.json.data.path).toBe(join(folder, "plain.sql"));
    expect(packed.json.data.path).toBe(join(folder, "shop-main.sql.zst"));
    expect(restored.json.data).toMatchObject({ app: "shop", branch: "main", tables: 1 });
    expect(number1).toBe(dumped + 1);
    expect(again.json.ok).toBe(true);
    expect(await number()).toBe(dumped + 1);
  }, 60_000);

  test("stays as it is when the file is none, or was cut off", async () => {
    const before = await number();
    await db("dump", "main", "whole.sql.zst");
    const whole = readFileSync(join(folder, "whole.sql.zst"));
    writeFileSync(join(folder, "cut.sql.zst"), whole.subarray(0, -20));
    writeFileSync(join(folder, "none.sql"), "SELECT 1;\nDROP TABLE nothing;\n");

    for (const file of ["cut.sql.zst", "none.sql"]) {
      const { json } = await db("restore", "main", file, "--confirm", "main");
      expect(json.error.code).toBe("DUMP_INVALID");
    }

    expect(await number()).toBe(before + 1);
  }, 60_000);
});

function spawnCli(dataDir: string, args: string[], env: Record<string, string> = {}) {
  const main = join(import.meta.dir, "../src/main.ts");
  return Bun.spawn([process.execPath, main, ...args, "--json", "--data-dir", dataDir], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH ?? "", HOME: "/dev/null", ...env },
  });
}

async function cliOn(dataDir: string, args: string[]) {
  const run = spawnCli(dataDir, args);
  const [stdout, stderr] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  await run.exited;
  try {
    return { json: JSON.parse(stdout), stderr };
  } catch {
    throw new Error(`${args.join(" ")}: ${stdout} ${stderr}`);
  }
}
