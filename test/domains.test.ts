/**
 * Goal: a host of an app's own leads to its branch from the proof on, whatever happens to the node, and nowhere before and
 * after. Method: a whole node with two edges, a name server on loopback.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDnsServer, type TestDnsServer } from "./dns-server.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

let node: TestNode;
let dns: TestDnsServer;
const project = mkdtempSync(join(tmpdir(), "levain-domains-"));

beforeAll(async () => {
  dns = await startDnsServer();
  node = await startTestNode({ flags: ["--edges", "2", "--dns-servers", dns.address] });
  for (const [app, branch] of [
    ["shop", "main"],
    ["shop", "next"],
    ["blog", "main"],
  ] as const) {
    const code = `export default { fetch: () => new Response(${JSON.stringify(`${app} ${branch}`)}) };`;
    writeFileSync(join(project, "index.ts"), code);
    const { code: exit, stdout } = await node.cli([
      "deploy",
      project,
      "--app",
      app,
      "--branch",
      branch,
    ]);
    if (exit !== 0) throw new Error(stdout);
  }
}, 120_000);

afterAll(async () => {
  await node[Symbol.asyncDispose]();
  dns.stop();
  rmSync(project, { recursive: true, force: true });
});

/** What each of several connections is told, so that both edges are among them; one text when they agree. */
async function at(host: string): Promise<string> {
  const answers = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const url = `http://127.0.0.1:${node.port}/`;
      const response = await fetch(url, { headers: { host }, keepalive: false });
      const text = await response.text();
      return response.ok ? text : `${response.status}`;
    }),
  );
  return [...new Set(answers)].join();
}

async function add(app: string, host: string, branch = "main") {
  const { json, code } = await node.cli(["domains", "add", app, host, "--branch", branch]);
  return { json, code };
}

async function isKnown(domain: string): Promise<number> {
  const url = `http://127.0.0.1:${node.adminPort}/v1/tls-check?domain=${domain}`;
  return (await fetch(url)).status;
}

test("a host leads nowhere until it is proved, and then to its branch, over a crash, until it is removed", async () => {
  const first = await add("shop", "Shop.Example.com");
  expect(first.code).toBe(1);
  expect(first.json).toMatchObject({
    ok: true,
    data: { host: "shop.example.com", isVerified: false },
  });
  expect([await at("shop.example.com"), await isKnown("shop.example.com")]).toEqual(["404", 404]);

  const { proof } = first.json.data;
  dns.texts.set(proof.dnsName, proof.text);
  const second = await add("shop", "shop.example.com");
  expect(second.json.data).toMatchObject({ isVerified: true, check: { dns: "found" } });
  expect([await at("shop.example.com"), await isKnown("shop.example.com")]).toEqual([
    "shop main",
    200,
  ]);

  // The proof is not needed any more.
  dns.texts.clear();
  await add("shop", "shop.example.com", "next");
  expect(await at("SHOP.example.com.:443")).toBe("shop next");
  await node.kill();
  await node.start();
  expect(await at("shop.example.com")).toBe("shop next");

  const removed = await node.cli(["domains", "remove", "shop", "shop.example.com"]);
  expect(removed.json.ok).toBe(true);
  expect([await at("shop.example.com"), await isKnown("shop.example.com")]).toEqual(["404", 404]);
}, 120_000);

test("of two apps that ask, the one with the proof has it, until it is deleted", async () => {
  const host = "both.example.com";
  const ofShop = await add("shop", host);
  const ofBlog = await add("blog", host);
  expect(ofShop.json.data.proof.text).not.toBe(ofBlog.json.data.proof.text);
  dns.texts.set(ofBlog.json.data.proof.dnsName, ofBlog.json.data.proof.text);

  expect((await add("shop", host)).json.data.isVerified).toBe(false);
  expect((await add("blog", host)).json.data.isVerified).toBe(true);
  expect((await add("shop", host)).json.error.code).toBe("DOMAIN_TAKEN");
  expect(await at(host)).toBe("blog main");

  await node.cli(["remove", "blog", "--confirm", "blog"]);

  expect(await at(host)).toBe("404");
  const { json } = await node.cli(["domains", "list"]);
  expect(json.data.domains.map((one: { app: string }) => one.app)).toEqual(["shop"]);
}, 60_000);

test("names of the platform's own, and of nobody, are refused", async () => {
  for (const host of ["blog.localhost", "*.example.com", "10.0.0.1"]) {
    expect((await add("shop", host)).json.error.code, host).toBe("DOMAIN_INVALID");
  }
  expect((await add("shop", "x.example.com", "nope")).json.error.code).toBe("BRANCH_UNKNOWN");
  expect((await add("nope", "x.example.com")).json.error.code).toBe("APP_UNKNOWN");
}, 60_000);
