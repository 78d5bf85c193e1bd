/** Goal: the admin API where strangers get to it. Method: a real server over TLS and in the clear, and hostile clients. */
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memoryDeps, testDeployResult, waitUntil } from "./admin-deps-for-tests.ts";
import type { AdminRemoteOptions } from "./admin-remote.ts";
import { startAdminServer } from "./admin-server.ts";
import { rotateAdminToken } from "./admin-token.ts";
import type { AuditEntryInfo } from "./api.ts";
import type { CertificateFiles } from "./certificate.ts";
import { hasOpenssl, makeCertificate } from "./certificates-for-tests.ts";
import type { AdminDeps } from "./deps.ts";
import { adminHeadBytesMax } from "./limits.ts";

const folder = mkdtempSync(join(tmpdir(), "levain-remote-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ofOne = ["DNS:one.test", "DNS:*.wild.test", "IP:127.0.0.1"];

interface Setup {
  tls?: CertificateFiles | null;
  bounds?: AdminRemoteOptions["bounds"];
  deps?: Partial<AdminDeps>;
  names?: string[];
  trustedProxies?: string[];
}

async function setup({ tls = null, bounds = {}, deps: overrides = {}, ...rest }: Setup = {}) {
  const dataDir = mkdtempSync(join(folder, "node-"));
  const happened: string[] = [];
  const token = rotateAdminToken(dataDir);
  const deps = { ...memoryDeps(dataDir, happened), ...overrides };
  const server = await startAdminServer({
    dataDir,
    socketPath: join(dataDir, "admin.sock"),
    hostname: "127.0.0.1",
    port: 0,
    remote: { hostname: "127.0.0.1", tls, bounds, lookMs: 20 },
    deps,
    ...rest,
  });
  const { port } = server;
  const ca = tls === null ? undefined : readFileSync(tls.cert, "utf8");
  const scheme = tls === null ? "http" : "https";
  return {
    port,
    token,
    happened,
    dataDir,
    deps,
    /** With the token, unless `init` says something else about it. */
    request: (path: string, init: BunFetchRequestInit = {}) =>
      fetch(`${scheme}://127.0.0.1:${port}${path}`, {
        keepalive: false,
        ...(ca === undefined ? {} : { tls: { ca } }),
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
      }),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Sends bytes as they are; what comes back until the connection ends. */
function raw(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
  });
}

/** Resolves when it has been closed by the other side. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => resolve());
  });
}

async function auditOf(node: { request(path: string): Promise<Response> }) {
  const response = await node.request("/v1/audit?limit=1000");
  return ((await response.json()) as { entries: AuditEntryInfo[] }).entries;
}

describe.if(hasOpenssl)("over TLS", () => {
  const one = () => makeCertificate(folder, "one", ofOne);

  test("answers those who trust the certificate, streams and uploads too, and nothing in the clear", async () => {
    const received: number[] = [];
    await using node = await setup({
      tls: one(),
      deps: {
        deployer: {
          async deploy(upload, query) {
            let bytes = 0;
            // Slower than it comes, so that the client has to wait.
            for await (const chunk of upload) {
              bytes += chunk.byteLength;
              if (bytes % 7 === 0) await Bun.sleep(1);
            }
            received.push(bytes);
            return testDeployResult(query.app ?? "shop", query.branch);
          },
        },
      },
    });
    const body = new Uint8Array(8 * 1024 * 1024).fill(7);

    const status = await node.request("/v1/status");
    const deploy = await node.request("/v1/deploys?app=shop", { method: "POST", body });
    const logs = await node.request("/v1/apps/shop/logs");

    expect([status.status, status.headers.get("connection")]).toEqual([200, "close"]);
    expect(await deploy.text()).toContain('"done"');
    expect(received).toEqual([body.length]);
    expect((await logs.text()).trim().split("\n")).toHaveLength(3);
    expect(await raw(node.port, "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")).toBe("");
    expect(node.request("/", { tls: {} })).rejects.toThrow();
  });

  test("answers only to what the certificate is for, to addresses and to this machine's own names", async () => {
    await using node = await setup({ tls: one(), names: ["alias.test"] });
    const statusOf = async (host: string, headers: Record<string, string> = {}) =>
      (await node.request("/v1/status", { headers: { host, ...headers } })).status;

    const right = [
      "one.test",
      "one.test:4001",
      "ONE.TEST",
      "a.wild.test",
      "localhost",
      "10.9.8.7",
      "[fd00::1]:80",
      "alias.test",
    ];
    const wrong = [
      "two.test",
      "one.test.evil.net",
      "wild.test",
      "evil.net",
      "one.test@evil.net",
      "[one.test]",
      "",
    ];
    for (const host of right) expect(await statusOf(host), host).toBe(200);
    for (const host of wrong) expect(await statusOf(host), host).not.toBe(200);
    expect(await statusOf("one.test", { origin: "https://one.test" })).toBe(200);
    for (const origin of ["http://one.test", "https://evil.net", "null"]) {
      expect(await statusOf("one.test", { origin }), origin).toBe(403);
    }
  });

  test("takes a renewed certificate for new connections, without ending the open ones", async () => {
    const files = { cert: join(folder, "live.pem"), key: join(folder, "live.key.pem") };
    const install = ({ cert, key }: CertificateFiles) => {
      copyFileSync(cert, files.cert);
      copyFileSync(key, files.key);
    };
    install(one());
    await using node = await setup({ tls: files });
    const following = await node.request("/v1/apps/shop/logs?follow=true");
    const reader = following.body!.getReader();
    await reader.read();
    const two = makeCertificate(folder, "two", ["DNS:two.test", "IP:127.0.0.1"]);
    const renewed = () =>
      node.happened.filter((line) => line.includes("takes the new certificate"));

    // Half of a renewal, and one that is none, are left alone.
    copyFileSync(two.cert, files.cert);
    await waitUntil(() => node.happened.some((line) => line.includes("keeps its")), "it is said");
    expect((await node.request("/v1/status")).status).toBe(200);
    install(two);
    await waitUntil(() => renewed().length > 0, "it is renewed");

    const ca = readFileSync(two.cert, "utf8");
    expect((await node.request("/v1/status", { tls: { ca } })).status).toBe(200);
    expect((await node.request("/", { tls: { ca }, headers: { host: "one.test" } })).status).toBe(
      403,
    );
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    writeFileSync(files.key, "nonsense");
    await waitUntil(
      () => node.happened.filter((line) => line.includes("keeps its")).length > 1,
      "it is said",
    );
    expect((await node.request("/v1/status", { tls: { ca } })).status).toBe(200);
    expect(renewed()).toHaveLength(1);
  });

  test("does not start with a certificate that it cannot use", async () => {
    const files = one();
    const other = makeCertificate(folder, "other", ofOne);
    const missing = join(folder, "missing.pem");

    for (const tls of [
      { ...files, cert: missing },
      { ...files, key: missing },
      { ...files, cert: files.key },
      { ...files, key: files.cert },
      { ...files, key: other.key },
    ]) {
      expect(setup({ tls })).rejects.toMatchObject({ code: "ADMIN_TLS_UNUSABLE" });
    }
  });

  test("ends handshakes that do not come to an end", async () => {
    await using node = await setup({ tls: one(), bounds: { headTimeoutMs: 100 } });
    const sockets = Array.from({ length: 20 }, () => connect(node.port, "127.0.0.1"));
    // Half of them say nothing, half the beginning of a handshake, byte by byte.
    const ended = sockets.map(closed);
    const trickle = setInterval(() => {
      for (const socket of sockets.slice(10)) socket.write(Buffer.from([0x16]));
    }, 10);

    await Promise.all(ended);
    clearInterval(trickle);

    expect((await node.request("/v1/status")).status).toBe(200);
  });
});

describe("beyond the machine", () => {
  test("heads that trickle in end, however they trickle; others are answered meanwhile", async () => {
    await using node = await setup({ bounds: { headTimeoutMs: 150 } });
    const slow = connect(node.port, "127.0.0.1", () => slow.write("GET /v1/status HTTP/1.1\r\n"));
    const ended = closed(slow);
    const trickle = setInterval(() => slow.write("x-a: b\r\n"), 10);

    expect((await node.request("/v1/status")).status).toBe(200);
    await ended;
    clearInterval(trickle);
  });

  test("a head without an end is cut off at its bound", async () => {
    await using node = await setup();

    const answer = await raw(
      node.port,
      `GET / HTTP/1.1\r\nx: ${"a".repeat(2 * adminHeadBytesMax)}`,
    );

    expect(answer).toBe("");
  });

  test("connections are bounded, in all and for one address, and free again when they end", async () => {
    await using node = await setup({ bounds: { connectionsOfOneMax: 4, headTimeoutMs: 60_000 } });
    const held = Array.from({ length: 4 }, () => connect(node.port, "127.0.0.1"));
    await Promise.all(
      held.map((socket) => new Promise((resolve) => socket.on("connect", resolve))),
    );
    const refused = async () => {
      try {
        await node.request("/v1/status");
        return false;
      } catch {
        return true;
      }
    };
    let isRefused = false;
    for (let tries = 0; tries < 100 && !isRefused; tries++) isRefused = await refused();
    expect(isRefused).toBe(true);

    for (const socket of held) socket.destroy();

    while (await refused()) await Bun.sleep(1);
  });

  test("when there are too many, the one that is silent for longest makes way, and none that is answered", async () => {
    const bounds = { connectionsMax: 4, connectionsOfOneMax: 100, headTimeoutMs: 60_000 };
    await using node = await setup({ bounds });
    const silent = Array.from({ length: 4 }, () => connect(node.port, "127.0.0.1"));
    const ended = silent.map(closed);
    await Promise.all(silent.map((one) => new Promise((resolve) => one.on("connect", resolve))));

    const following = [];
    for (let count = 0; count < 4; count++) {
      const response = await node.request("/v1/apps/shop/logs?follow=true");
      const reader = response.body!.getReader();
      await reader.read();
      following.push(reader);
    }

    // All of them have made way, and now there is nobody left to.
    await Promise.all(ended);
    expect(node.request("/v1/status")).rejects.toThrow();
    for (const reader of following) expect((await reader.read()).done).toBe(false);
    await Promise.all(following.map((reader) => reader.cancel()));
  });

  test("one request is all that a connection carries: nothing is smuggled behind it", async () => {
    await using node = await setup();
    const auth = `authorization: Bearer ${node.token}`;
    const head = `host: 127.0.0.1\r\n${auth}\r\n`;
    const second = `POST /v1/shutdown HTTP/1.1\r\n${head}content-length: 0\r\n\r\n`;
    const attempts = [
      `GET /v1/status HTTP/1.1\r\n${head}\r\n${second}`,
      `GET /v1/status HTTP/1.1\r\n${head}connection: keep-alive\r\n\r\n${second}`,
      `GET /v1/status HTTP/1.1\r\n${head}levain-relay: ${"0".repeat(32)}\r\n\r\n${second}`,
      `POST /v1/apps/shop/promote HTTP/1.1\r\n${head}content-length: 13\r\n\r\n{"version":2}${second}`,
      `POST /v1/apps/shop/promote HTTP/1.1\r\n${head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
      `POST /v1/apps/shop/promote HTTP/1.1\r\n${head}transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n${second}`,
      `POST /v1/apps/shop/promote HTTP/1.1\r\n${head}content-length: 0\r\ncontent-length: 80\r\n\r\n${second}`,
    ];

    for (const attempt of attempts) {
      const answer = await raw(node.port, attempt);
      expect(answer.split("HTTP/1.1 ").length - 1, attempt).toBeLessThanOrEqual(1);
    }

    expect(node.happened).not.toContain("shutdown");
  });

  test("who asks is the peer, whatever it writes, and behind a trusted proxy whom that names", async () => {
    const promote = { method: "POST", body: '{"version":2}' };
    const spoofs = {
      "x-forwarded-for": "1.2.3.4",
      "levain-relay": "abc",
      forwarded: "for=1.2.3.4",
    };
    const path = "/v1/apps/shop/promote";
    await using open = await setup();
    await using proxied = await setup({ trustedProxies: ["127.0.0.1"] });

    await open.request(path, { ...promote, headers: spoofs });
    await proxied.request(path, { ...promote, headers: spoofs });
    await proxied.request(path, { ...promote, headers: { "x-forwarded-for": "9.9.9.9, 5.6.7.8" } });

    expect((await auditOf(open)).map(({ address }) => address)).toEqual(["127.0.0.1"]);
    expect((await auditOf(proxied)).map(({ address }) => address)).toEqual(["1.2.3.4", "5.6.7.8"]);
  });

  test("a proxy's question about certificates is not answered to strangers", async () => {
    await using node = await setup();

    const response = await node.request("/v1/tls-check?domain=shop.localhost", {
      headers: { authorization: "" },
    });

    expect(response.status).toBe(401);
  });

  test("a body that trickles in ends, and says why", async () => {
    const { readJsonBody } = await import("./json-body.ts");
    let isCancelled = false;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("{")),
      cancel: () => {
        isCancelled = true;
      },
    });
    const request = new Request("http://localhost/", { method: "POST", body });

    expect(readJsonBody(request, 20)).rejects.toMatchObject({ code: "REQUEST_TIMEOUT" });
    await waitUntil(() => isCancelled, "the client is told");
  });

  test("stopping ends open connections and leaves nothing that listens", async () => {
    const node = await setup();
    const idle = connect(node.port, "127.0.0.1");
    await new Promise((resolve) => idle.on("connect", resolve));
    const ended = closed(idle);

    await node[Symbol.asyncDispose]();
    await ended;

    const again = connect(node.port, "127.0.0.1");
    expect(await new Promise((resolve) => again.on("error", () => resolve("refused")))).toBe(
      "refused",
    );
  });
});
