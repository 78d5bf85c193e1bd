/**
 * Goal: docs/https.md as it stands gives apps, domains and the admin API HTTPS. Method: Debian's Caddy with its own authority,
 * the Caddyfile of the page, a whole node, real clients.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDnsServer, type TestDnsServer } from "./dns-server.ts";
import { freePort } from "./free-port.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const hasTools = ["caddy", "curl"].every((tool) => Bun.which(tool) !== null);
if (!hasTools) console.log("HTTPS is not tested: caddy or curl is missing");

const page = readFileSync(join(import.meta.dir, "../docs/https.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "levain-https-"));
const mainPath = join(import.meta.dir, "../src/main.ts");
const ca = join(folder, "caddy/pki/authorities/local/root.crt");

let node: TestNode;
let dns: TestDnsServer;
let caddy: Bun.Subprocess;
let httpsPort: number;

/** The page's own, on ports that are free, with an authority that needs nobody. */
async function caddyfile(): Promise<string> {
  const written = /```caddyfile\n([\s\S]*?)```/.exec(page)?.[1] ?? "";
  const options = [
    "local_certs",
    "skip_install_trust",
    "admin off",
    "auto_https disable_redirects",
    `https_port ${httpsPort}`,
    `http_port ${await freePort()}`,
    `storage file_system ${join(folder, "caddy")}`,
  ];
  return written
    .replace("{\n", `{\n\t${options.join("\n\t")}\n`)
    .replaceAll("127.0.0.1:4001", `127.0.0.1:${node.adminPort}`)
    .replaceAll("127.0.0.1:4000", `127.0.0.1:${node.port}`);
}

async function untilServed(): Promise<void> {
  const deadline = performance.now() + 30_000;
  while ((await curl("levain.example.com", "/")).status === 0) {
    if (performance.now() > deadline) throw new Error("Caddy does not serve");
    await Bun.sleep(50);
  }
}

interface Answer {
  /** 0: there was none. */
  status: number;
  text: string;
  why: string;
}

/** Asks Caddy for a host, with the name in TLS as a client has it. */
async function curl(host: string, path: string, more: readonly string[] = []): Promise<Answer> {
  const url = `https://${host}:${httpsPort}${path}`;
  const to = `${host}:${httpsPort}:127.0.0.1`;
  const words = ["--silent", "--show-error", "--cacert", ca, "--resolve", to, "--max-time", "20"];
  const run = Bun.spawn(["curl", ...words, "-w", "\n%{http_code}", ...more, url], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, why] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  const at = out.lastIndexOf("\n");
  return { status: Number(out.slice(at + 1)), text: out.slice(0, at), why };
}

describe.if(hasTools)("behind Caddy", () => {
  beforeAll(async () => {
    httpsPort = await freePort();
    dns = await startDnsServer();
    const words = /levain up ([\s\S]*?)```/.exec(page)?.[1] ?? "";
    const flags = words
      .replaceAll("\\\n", " ")
      .replace("https://apps.example.com", `https://apps.example.com:${httpsPort}`)
      .trim()
      .split(/\s+/);
    node = await startTestNode({ flags: [...flags, "--dns-servers", dns.address] });
    const project = join(folder, "shop");
    mkdirSync(project);
    const code = `export default {
      fetch(request) {
        const of = (name) => request.headers.get(name);
        return Response.json({ url: request.url, proto: of("x-forwarded-proto"), from: of("x-forwarded-for") });
      },
    };`;
    writeFileSync(join(project, "index.ts"), code);
    const { json, stdout } = await node.cli(["deploy", project, "--app", "shop"]);
    if (json?.ok !== true) throw new Error(stdout);
    expect(json.data.url).toBe(`https://shop.apps.example.com:${httpsPort}`);
    const file = join(folder, "Caddyfile");
    writeFileSync(file, await caddyfile());
    caddy = Bun.spawn(["caddy", "run", "--config", file, "--adapter", "caddyfile"], {
      env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
      stdio: ["ignore", "ignore", Bun.file(join(folder, "caddy.log"))],
    });
    await untilServed();
  }, 120_000);

  afterAll(async () => {
    caddy?.kill();
    await caddy?.exited;
    await node?.[Symbol.asyncDispose]();
    dns?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test("apps have certificates by themselves, and see who asks and how", async () => {
    const { status, text } = await curl("shop.apps.example.com", "/cart");

    expect(status).toBe(200);
    // The address of the proxy stands behind that of the client, which is here too.
    expect(JSON.parse(text)).toEqual({
      url: `https://shop.apps.example.com:${httpsPort}/cart`,
      proto: "https",
      from: "127.0.0.1, 127.0.0.1",
    });
  }, 30_000);

  test("a host of an app's own has one from its proof on, and no host has one without", async () => {
    const host = "shop.example.net";
    expect((await curl(host, "/")).status).toBe(0);
    const asked = await node.cli(["domains", "add", "shop", host]);
    expect((await curl(host, "/")).status).toBe(0);

    const { dnsName, text } = asked.json.data.proof;
    dns.texts.set(dnsName, text);
    const added = await node.cli(["domains", "add", "shop", host]);

    expect(added.json.data.url).toBe(`https://${host}:${httpsPort}`);
    // Caddy remembers a refusal for a while; a client tries again.
    const deadline = performance.now() + 20_000;
    let answer = await curl(host, "/");
    while (answer.status !== 200 && performance.now() < deadline) answer = await curl(host, "/");
    expect(JSON.parse(answer.text).url).toBe(`https://${host}:${httpsPort}/`);
    for (const unknown of ["nope.apps.example.com", "v9--shop.apps.example.com", "example.net"]) {
      expect((await curl(unknown, "/")).status, unknown).toBe(0);
    }
  }, 60_000);

  test("the admin API answers to its name with a token, says who asked, and not what a proxy may ask", async () => {
    const { json } = await node.cli(["token", "create", "ci", "--role", "deploy", "--app", "shop"]);
    const auth = ["-H", `authorization: Bearer ${json.data.token}`];
    const at = (path: string, more: string[] = []) => curl("levain.example.com", path, more);

    expect((await at("/v1/whoami", auth)).status).toBe(200);
    expect((await at("/v1/whoami")).status).toBe(401);
    expect((await at("/v1/tls-check?domain=shop.apps.example.com")).status).toBe(401);
    const body = ["-X", "POST", "-d", '{"version":1}', "-H", "x-forwarded-for: 6.6.6.6"];
    expect((await at("/v1/apps/shop/promote", [...auth, ...body])).status).toBe(200);
    const { json: log } = await node.cli(["audit", "--app", "shop"]);
    expect(log.data.entries.at(-1)).toMatchObject({ actorName: "ci", address: "127.0.0.1" });
  }, 60_000);

  test("a followed log comes through at once", async () => {
    const { json } = await node.cli(["token", "create", "reader", "--role", "read"]);
    const auth = [
      "-H",
      `authorization: Bearer ${json.data.token}`,
      "--no-buffer",
      "--max-time",
      "2",
    ];

    // It goes on for as long as curl listens; what there is has come by then.
    const followed = await curl("levain.example.com", "/v1/apps/shop/logs?follow=true", auth);

    expect(followed.text).toContain('"event":"start"');
  }, 30_000);
});

test("what the page says of the node is read by the program", () => {
  const words =
    /levain up ([\s\S]*?)```/.exec(page)?.[1]?.replaceAll("\\\n", " ").trim().split(/\s+/) ?? [];
  const run = Bun.spawnSync([process.execPath, mainPath, "up", ...words, "--port", "x", "--json"], {
    env: { PATH: process.env.PATH ?? "", HOME: folder },
  });

  // The one thing that is wrong with it was put in here.
  const { error } = JSON.parse(run.stdout.toString());
  expect(error.code).toBe("NODE_CONFIG_INVALID");
  expect(error.detail.problems).toHaveLength(1);
  expect(error.message).toContain("--port");
});
