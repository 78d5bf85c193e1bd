/**
 * Goal: somebody on another machine gets to a branch's database, over TLS or not at all. Method: a whole node at an address of
 * this machine, the command line with a home of its own and nothing of the node's.
 */
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { until } from "../src/base/until-for-tests.ts";
import { hasOpenssl, makeCertificate } from "../src/control/certificates-for-tests.ts";
import { startTestNode } from "./node-for-tests.ts";
import { ownAddress } from "./relay/tls-for-tests.ts";

const timeoutMs = 120_000;
const folder = mkdtempSync(join(tmpdir(), "levain-remote-"));
const project = join(folder, "shop");
const mainPath = join(import.meta.dir, "../src/main.ts");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

mkdirSync(project);
writeFileSync(join(project, "index.ts"), 'export default { fetch: () => new Response("hi") };');
writeFileSync(join(project, "levain.config.json"), '{ "name": "shop", "database": true }');

/** Elsewhere: what the command line prints, and what it says beside. */
async function away(words: readonly string[], env: Record<string, string>) {
  const run = Bun.spawn([process.execPath, mainPath, ...words], {
    cwd: project,
    env: { HOME: folder, ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([run.stdout.text(), run.stderr.text()]);
  return { code: await run.exited, out: out.trim(), err };
}

async function ask(url: string, ca: string): Promise<unknown> {
  const plain = url.replace(/\?.*/, "");
  const client = new pg.Client({ connectionString: plain, ssl: { ca } });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query("SELECT current_user AS who")).rows[0].who;
  } finally {
    await client.end();
  }
}

test.if(hasOpenssl && ownAddress !== null)(
  "a database is served beyond the machine over TLS, with a certificate that is taken anew",
  async () => {
    const address = ownAddress!;
    const files = makeCertificate(folder, "node", [`IP:${address}`, "DNS:db.test"]);
    const [name, key] = [files.cert, files.key];
    await using node = await startTestNode({
      flags: [
        ...["--admin-host", "0.0.0.0", "--admin-tls-cert", name, "--admin-tls-key", key],
        ...["--database-host", "0.0.0.0", "--database-tls-cert", name, "--database-tls-key", key],
      ],
    });
    await node.cli(["deploy"], { cwd: project });
    const token = (await node.cli(["token", "create", "ann", "--role", "deploy"])).json.data.token;
    const env = {
      LEVAIN_NODE: `https://${address}:${node.adminPort}`,
      LEVAIN_TOKEN: token,
      NODE_EXTRA_CA_CERTS: name,
      PATH: process.env.PATH ?? "",
    };
    const ca = readFileSync(name, "utf8");

    const { out: url, err } = await away(["db", "url"], env);
    expect(url, err).toMatch(
      new RegExp(`^postgres://shop:[^@]+@${address}:\\d+/shop\\?sslmode=verify-full$`),
    );
    expect(err).toBe("");
    expect(await ask(url, ca)).toBe("shop");
    const other = await away(["db", "url", "--host", "other.test"], env);
    expect(other.out).toContain("@other.test:");
    expect(other.err).toContain("the certificate there is not for other.test");
    expect((await away(["db", "url", "--host", "127.0.0.1"], env)).out).toMatch(
      /@127\.0\.0\.1:\d+\/shop$/,
    );

    const query = ["db", "psql", "--command", "SELECT current_user AS who"];
    const own = await away(query, { ...env, PGSSLROOTCERT: name });
    expect(own.out, own.err).toContain("shop");
    const shell = await away([...query, "--json"], env);
    expect(JSON.parse(shell.out).data?.answers[0].rows, shell.out).toEqual([["shop"]]);

    const renewed = makeCertificate(folder, "renewed", [`IP:${address}`]);
    copyFileSync(renewed.key, key);
    copyFileSync(renewed.cert, name);
    await until(() => node.output().includes("databases: takes the new certificate"), 30_000);
    expect(await ask(url, readFileSync(renewed.cert, "utf8"))).toBe("shop");
    expect(await ask(url, ca).then(null, (error) => error)).toBeInstanceOf(Error);
    writeFileSync(name, "no certificate");
    await until(() => node.output().includes("databases: keeps its certificate"), 30_000);
    expect(await ask(url, readFileSync(renewed.cert, "utf8"))).toBe("shop");
  },
  timeoutMs,
);

test(
  "a node that serves databases to itself alone says so to others, and how they get there",
  async () => {
    await using node = await startTestNode();
    await node.cli(["deploy"], { cwd: project });

    const { json } = await node.cli(["db", "url", "--app", "shop", "--host", "db.test"]);
    const here = await node.cli(["db", "url", "--app", "shop"]);

    expect(json.error.code).toBe("DATABASE_NOT_SERVED");
    expect(json.error.fix).toMatch(/ssh -N -L (\d+):127\.0\.0\.1:\1`/);
    expect(here.json.data.url).toMatch(/@127\.0\.0\.1:\d+\/shop$/);
  },
  timeoutMs,
);
