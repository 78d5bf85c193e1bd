/**
 * Goal: somebody on another machine deploys, watches and is locked out again, over TLS. Method: a whole node with a certificate,
 * the command line with a home of its own and nothing of the node's.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasOpenssl, makeCertificate } from "../src/control/certificates-for-tests.ts";
import { startTestNode, type TestNode } from "./node-for-tests.ts";

const folder = mkdtempSync(join(tmpdir(), "levain-remote-"));
const project = join(folder, "shop");
const mainPath = join(import.meta.dir, "../src/main.ts");

let node: TestNode;
let cert: string;
const url = () => `https://localhost:${node.adminPort}`;

const environment = { PATH: process.env.PATH ?? "", HOME: folder, LEVAIN_DATA_DIR: "" };

function spawn(words: readonly string[], env: Record<string, string> = {}, stdin = "") {
  return Bun.spawn([process.execPath, mainPath, ...words, "--json"], {
    cwd: project,
    env: { ...environment, ...env },
    stdin: Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Elsewhere: what the command line prints last, as an object. */
async function away(words: readonly string[], env: Record<string, string> = {}, stdin = "") {
  const run = spawn(words, env, stdin);
  const [out, err] = await Promise.all([
    new Response(run.stdout).text(),
    new Response(run.stderr).text(),
    run.exited,
  ]);
  const last = out.trim().split("\n").at(-1) ?? "";
  if (last === "") throw new Error(err);
  return JSON.parse(last);
}

async function tokenOf(...words: string[]): Promise<string> {
  const { json } = await node.cli(["token", "create", ...words]);
  return json.data.token;
}

describe.if(hasOpenssl)("from another machine", () => {
  beforeAll(async () => {
    mkdirSync(project);
    writeFileSync(join(project, "index.ts"), 'export default { fetch: () => new Response("hi") };');
    const files = makeCertificate(folder, "node", ["DNS:localhost"]);
    cert = files.cert;
    const tls = ["--admin-tls-cert", files.cert, "--admin-tls-key", files.key];
    node = await startTestNode({ flags: tls });
  }, 120_000);

  afterAll(async () => {
    await node?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a login with the certificate's authority makes every command work, until the token is revoked", async () => {
    const token = await tokenOf("ann", "--role", "deploy", "--app", "shop");
    const words = ["login", "--node", url(), "--ca-file", cert, "--token", "-"];
    const login = await away(words, {}, `${token}\n`);
    expect(login).toMatchObject({ ok: true, data: { name: "localhost", who: { apps: ["shop"] } } });

    expect(await away(["deploy"])).toMatchObject({ ok: true, data: { app: "shop", version: 1 } });
    expect(await away(["apps"])).toMatchObject({ data: { apps: [{ name: "shop" }] } });
    expect(await away(["promote", "shop", "v1", "--branch", "next"])).toMatchObject({ ok: true });
    expect((await away(["remove", "shop", "--confirm", "shop"])).error.code).toBe(
      "ADMIN_TOKEN_ROLE",
    );
    expect((await away(["deploy", "--app", "blog"])).error.code).toBe("ADMIN_TOKEN_APP");
    expect((await away(["status"])).error.code).toBe("ADMIN_TOKEN_APP");

    // It is there after a crash, and what follows a log is cut off.
    await node.kill();
    await node.start();
    const following = spawn(["logs", "shop", "--follow"]);
    const reader = following.stdout.getReader();
    const decoder = new TextDecoder();
    let seen = decoder.decode((await reader.read()).value);
    expect(seen).toContain('"event":"start"');
    await node.cli(["token", "revoke", "ann"]);
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      seen += decoder.decode(part.value);
    }
    expect(seen).toContain("ADMIN_TOKEN_REVOKED");
    expect(await following.exited).toBe(1);
    expect((await away(["apps"])).error.code).toBe("ADMIN_TOKEN_WRONG");
    await node.kill();
    await node.start();
    expect((await away(["apps"])).error.code).toBe("ADMIN_TOKEN_WRONG");
  }, 120_000);

  test("variables alone will do, and what is in the way is said as what it is", async () => {
    const env = { LEVAIN_NODE: url(), LEVAIN_TOKEN: await tokenOf("ci", "--role", "read") };
    const trusting = { ...env, NODE_EXTRA_CA_CERTS: cert };
    const codeOf = async (more: Record<string, string>) => (await away(["apps"], more)).error?.code;

    expect(await codeOf(trusting)).toBeUndefined();
    const here = "127.0.0.1";
    const cases: [Record<string, string>, string][] = [
      [{ ...env, HOME: "/dev/null" }, "NODE_CERTIFICATE_REFUSED"],
      [{ ...trusting, LEVAIN_NODE: url().replace("localhost", here) }, "NODE_CERTIFICATE_REFUSED"],
      [{ ...trusting, LEVAIN_NODE: `https://${here}:${node.port}` }, "NODE_UNREACHABLE"],
      [{ ...trusting, LEVAIN_NODE: `https://${here}:1` }, "NODE_UNREACHABLE"],
      [{ ...trusting, LEVAIN_NODE: url().replace("https", "http") }, "NODE_CONNECTION_LOST"],
      [{ ...trusting, LEVAIN_TOKEN: `${env.LEVAIN_TOKEN}x` }, "ADMIN_TOKEN_WRONG"],
      [{ ...trusting, LEVAIN_TOKEN: "" }, "ADMIN_TOKEN_MISSING"],
    ];
    for (const [more, code] of cases) {
      expect(await codeOf({ ...more, XDG_CONFIG_HOME: "/dev/null" }), JSON.stringify(more)).toBe(
        code,
      );
    }
  }, 60_000);

  test("what was done is in the audit log with who did it and from where", async () => {
    const { json } = await node.cli(["audit"]);
    const did = json.data.entries.map(
      ({ actorName, action, app, address, result }: Record<string, string | null>) =>
        `${actorName} ${action} ${app} ${address} ${result}`,
    );

    expect(did).toContain("owner tokenCreate null socket ok");
    expect(did).toContain("ann deploy shop 127.0.0.1 ok");
    expect(did).toContain("ann promote shop 127.0.0.1 ok");
    expect(did).toContain("ann remove shop 127.0.0.1 ADMIN_TOKEN_ROLE");
    expect(did).toContain("ann deploy blog 127.0.0.1 ADMIN_TOKEN_APP");
    expect(did).toContain(" authenticate null 127.0.0.1 ADMIN_TOKEN_WRONG");
    const bound = await node.cli(["audit", "--since", "0s"]);
    expect(bound.json.data.entries).toEqual([]);
  }, 30_000);
});
