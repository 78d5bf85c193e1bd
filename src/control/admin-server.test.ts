import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { createConnection } from "node:net";
import type { ErrorBody } from "../base/errors.ts";
import { readExposition } from "../telemetry/exposition-for-tests.ts";
import {
  startTestNode,
  type TestNode,
  testRecord,
  waitUntil,
  withToken,
} from "./admin-deps-for-tests.ts";
import { startAdminServer } from "./admin-server.ts";
import { adminIndex, ENDPOINTS } from "./api.ts";
import { adminBodyBytesMax } from "./limits.ts";

async function errorOf(response: Response): Promise<ErrorBody> {
  const { error } = (await response.json()) as { error: ErrorBody };
  return error;
}

function tcp(node: TestNode, path: string, init: BunFetchRequestInit = {}): Promise<Response> {
  return fetch(`http://127.0.0.1:${node.server.port}${path}`, withToken(node.token, init));
}

/** Bytes as they are, for what no client sends; resolves with what came back when the connection has ended. */
function rawRequest(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = createConnection(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(received));
    socket.on("error", reject);
  });
}

describe("endpoints", () => {
  test("each answers in the shape of the contract", async () => {
    await using node = await startTestNode();
    const post = (input: unknown) => ({ method: "POST", body: JSON.stringify(input) });
    const requests: [keyof typeof ENDPOINTS, string, RequestInit?][] = [
      ["status", "/v1/status"],
      ["apps", "/v1/apps"],
      ["versions", "/v1/apps/shop/versions"],
      ["inspect", "/v1/apps/shop/inspect"],
      ["ps", "/v1/instances"],
      ["promote", "/v1/apps/shop/promote", post({ version: 2 })],
      ["rollback", "/v1/apps/shop/rollback", post({})],
      ["remove", "/v1/apps/shop?confirm=shop", { method: "DELETE" }],
      ["down", "/v1/shutdown", { method: "POST" }],
    ];

    for (const [name, path, init] of requests) {
      const endpoint = ENDPOINTS[name];
      const response = await tcp(node, path, init);

      expect(response.status, name).toBe(200);
      if (!("output" in endpoint)) throw new Error(`${name} is a stream`);
      expect(endpoint.output.strict().safeParse(await response.json()).error, name).toBeUndefined();
    }
  });

  test("metrics are Prometheus' text format, on both listeners", async () => {
    await using node = await startTestNode();

    for (const response of [await tcp(node, "/metrics"), await node.request("/metrics")]) {
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      const families = readExposition(await response.text());
      expect(families.get("tests_total")?.samples).toMatchObject([{ value: 1 }]);
    }
  });

  test("a web page may not read the metrics", async () => {
    await using node = await startTestNode();

    const response = await tcp(node, "/metrics", { headers: { origin: "http://shop.localhost" } });

    expect((await errorOf(response)).code).toBe("ORIGIN_REFUSED");
  });

  test("the index lists every endpoint", async () => {
    await using node = await startTestNode();

    const index = adminIndex.parse(await (await tcp(node, "/")).json());

    expect(index.endpoints.map(({ name }) => name).sort()).toEqual(Object.keys(ENDPOINTS).sort());
  });

  test("branches come with main first, versions with the branches they are live on", async () => {
    await using node = await startTestNode();

    const { apps } = ENDPOINTS.apps.output.parse(await (await node.request("/v1/apps")).json());
    const { versions } = ENDPOINTS.versions.output.parse(
      await (await node.request("/v1/apps/shop/versions")).json(),
    );

    expect(apps.map(({ name }) => name)).toEqual(["blog", "shop"]);
    expect(apps[1]?.branches).toEqual([
      { name: "main", live: 3, url: "http://shop.localhost:4000" },
      { name: "cart-fix", live: 2, url: "http://cart-fix--shop.localhost:4000" },
    ]);
    expect(versions.map(({ liveOn }) => liveOn)).toEqual([["main"], ["cart-fix"], []]);
  });

  test("promote moves the branch, publishes, and says what was live before", async () => {
    await using node = await startTestNode();

    const response = await node.request("/v1/apps/shop/promote", {
      method: "POST",
      body: JSON.stringify({ version: 1, branch: "cart-fix" }),
    });

    expect(await response.json()).toEqual({
      app: "shop",
      branch: "cart-fix",
      version: 1,
      source: 1,
      previous: 2,
      url: "http://cart-fix--shop.localhost:4000",
      migrations: null,
      warnings: [],
    });
    expect(node.happened).toEqual(["publish"]);
  });

  test("rollback without a target goes one step back, and says when there is none", async () => {
    await using node = await startTestNode();
    const rollback = (input: object) =>
      node.request("/v1/apps/shop/rollback", { method: "POST", body: JSON.stringify(input) });

    expect(await (await rollback({})).json()).toMatchObject({ version: 2, previous: 3 });
    expect(await (await rollback({ to: 1 })).json()).toMatchObject({ version: 1, previous: 2 });
    expect(await errorOf(await rollback({}))).toMatchObject({ code: "ROLLBACK_NO_TARGET" });
    expect(await errorOf(await rollback({ branch: "none", to: 1 }))).toMatchObject({
      code: "BRANCH_UNKNOWN",
    });
  });

  test("delete does nothing without the app's name as consent", async () => {
    await using node = await startTestNode();

    for (const query of ["", "?confirm=", "?confirm=blog", "?confirm=true"]) {
      const response = await node.request(`/v1/apps/shop${query}`, { method: "DELETE" });
      expect(await errorOf(response), query).toMatchObject({ code: "CONSENT_MISSING" });
    }
    expect(node.happened).toEqual([]);

    await node.request("/v1/apps/shop?confirm=shop", { method: "DELETE" });
    expect(node.happened).toEqual([
      "publish",
      "remove logs of shop",
      "remove 1 artifact",
      "remove databases of shop",
    ]);
  });

  test("delete removes the log of an app that was never live", async () => {
    const removed: string[] = [];
    await using node = await startTestNode({
      logs: {
        async *read(app) {
          if (app === "stillborn") yield testRecord({ app, version: null });
        },
        async *follow() {},
        async remove(app) {
          removed.push(app);
        },
      },
    });
    const remove = async (app: string) =>
      node.request(`/v1/apps/${app}?confirm=${app}`, { method: "DELETE" });

    expect(await (await remove("stillborn")).json()).toMatchObject({
      app: "stillborn",
      versions: 0,
    });
    expect(await errorOf(await remove("nothing"))).toMatchObject({ code: "APP_UNKNOWN" });
    expect(removed).toEqual(["stillborn"]);
  });

  test("an unforeseen error is INTERNAL for the client and reported with its cause", async () => {
    await using node = await startTestNode({
      status: () => {
        throw new TypeError("secret path /etc");
      },
    });

    const response = await node.request("/v1/status");

    expect(response.status).toBe(500);
    expect((await errorOf(response)).code).toBe("INTERNAL");
    expect(node.happened).toEqual(["report TypeError: secret path /etc"]);
  });
});

describe("inputs", () => {
  test("every wrong field is named", async () => {
    await using node = await startTestNode();
    const cases: [string, unknown, string[]][] = [
      ["/v1/apps/shop/promote", {}, ["version is missing"]],
      [
        "/v1/apps/shop/promote",
        { version: "7", branch: 3 },
        ['version is "7", must be a number', "branch is 3, must be a text"],
      ],
      ["/v1/apps/shop/promote", { version: 7, colour: "red" }, ["colour: unknown key"]],
      ["/v1/apps/shop/rollback", { to: -1 }, ["to is -1, must be more than 0"]],
      ["/v1/apps/shop/rollback", [], ["body"]],
      ["/v1/apps/shop/rollback", null, ["body"]],
    ];

    for (const [path, input, fields] of cases) {
      const response = await node.request(path, { method: "POST", body: JSON.stringify(input) });
      const error = await errorOf(response);
      expect(response.status).toBe(400);
      expect(error.code).toBe("INPUT_INVALID");
      for (const field of fields) expect(error.message).toContain(field);
    }
  });

  test("queries are checked like bodies", async () => {
    await using node = await startTestNode();

    for (const query of [
      "tail=0",
      "tail=x",
      "version=1.5",
      "follow=maybe",
      "sinceMs=-1",
      "colour=1",
    ]) {
      const response = await node.request(`/v1/apps/shop/logs?${query}`);
      const error = await errorOf(response);
      expect(error.code).toBe("INPUT_INVALID");
      expect(error.message).toContain(query.split("=")[0] as string);
    }
    const deploy = await node.request("/v1/deploys?app=shop&colour=red", { method: "POST" });
    expect((await errorOf(deploy)).message).toContain("colour: unknown key");
    expect(node.happened).toEqual([]);
  });

  test("what is no JSON, and what is too large, is refused with a code", async () => {
    await using node = await startTestNode();
    const post = (body: string | Uint8Array<ArrayBuffer>) =>
      node.request("/v1/apps/shop/promote", { method: "POST", body });

    expect(await errorOf(await post("{"))).toMatchObject({ code: "INPUT_INVALID" });
    expect(await errorOf(await post(new Uint8Array([0x22, 0xff, 0x22])))).toMatchObject({
      code: "INPUT_INVALID",
    });
    const large = await post(JSON.stringify({ branch: "x".repeat(adminBodyBytesMax) }));
    expect(large.status).toBe(413);
    expect((await errorOf(large)).code).toBe("ADMIN_BODY_TOO_LARGE");
  });

  test("an app parameter that is no name never reaches the store", async () => {
    await using node = await startTestNode();
    const names = [
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e",
      "shop%00",
      "Shop",
      "-shop",
      "a%20b",
      "x".repeat(70),
    ];

    for (const name of names) {
      const response = await rawRequest(
        node.server.port,
        `GET /v1/apps/${name}/versions HTTP/1.1\r\nHost: 127.0.0.1:${node.server.port}\r\nAuthorization: Bearer ${node.token}\r\nConnection: close\r\n\r\n`,
      );
      expect(response, name).toMatch(/^HTTP\/1.1 (400|404) /);
      expect(response, name).toMatch(/INPUT_INVALID|ENDPOINT_UNKNOWN/);
    }
  });

  test("an unknown endpoint says method and path", async () => {
    await using node = await startTestNode();

    for (const [method, path] of [
      ["GET", "/v1/nothing"],
      ["POST", "/v1/status"],
      ["GET", "/v1/apps/shop/versions/"],
      ["GET", "/v1/apps//versions"],
      ["GET", "/v1/apps/%E0%A4%A/versions"],
      ["PUT", "/"],
    ] as const) {
      const response = await node.request(path, { method });
      expect(response.status, path).toBe(404);
      const error = await errorOf(response);
      expect(error.code).toBe("ENDPOINT_UNKNOWN");
      expect(error.message).toContain(method);
    }
  });
});

describe("who may ask", () => {
  test("a foreign Host is refused over TCP", async () => {
    await using node = await startTestNode();
    const { port } = node.server;

    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      `127.0.0.1.evil.example:${port}`,
      "127.0.0.1:4001.evil.example",
      `127.0.0.2:${port}`,
      `shop.localhost:${port}`,
      `localhost.:${port}`,
    ]) {
      const answer = await rawRequest(
        port,
        `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, host).toStartWith("HTTP/1.1 403 ");
      expect(answer, host).toContain("ORIGIN_REFUSED");
    }
    for (const host of [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `LocalHost:${port}`,
      `[::1]:${port}`,
      // The near end of a tunnel.
      "127.0.0.1",
      `127.0.0.1:${port + 1}`,
    ]) {
      const answer = await rawRequest(
        port,
        `GET /v1/status HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${node.token}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, host).toStartWith("HTTP/1.1 200 ");
    }
  });

  test("a request without a Host is not answered over TCP", async () => {
    await using node = await startTestNode();

    const answer = await rawRequest(node.server.port, "GET /v1/status HTTP/1.0\r\n\r\n");

    expect(answer).toMatch(/^HTTP\/1.1 (400|403) /);
  });

  test("a foreign Origin and a cross-site request are refused on both listeners", async () => {
    await using node = await startTestNode();
    const { port } = node.server;
    const foreign: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://shop.localhost:4000" },
      { origin: `https://127.0.0.1:${port}` },
      { origin: `http://127.0.0.1:${port}.evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];

    for (const headers of foreign) {
      for (const ask of [
        tcp,
        (_: TestNode, path: string, init?: BunFetchRequestInit) => node.request(path, init),
      ]) {
        const response = await ask(node, "/v1/shutdown", { method: "POST", headers });
        expect(response.status, JSON.stringify(headers)).toBe(403);
        expect((await errorOf(response)).code).toBe("ORIGIN_REFUSED");
        expect(response.headers.get("access-control-allow-origin")).toBeNull();
      }
    }
    expect(node.happened).toEqual([]);
  });

  test("a preflight gets no permission", async () => {
    await using node = await startTestNode();

    const response = await tcp(node, "/v1/shutdown", {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });

    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-methods")).toBeNull();
  });

  test("a page of the admin port itself may ask", async () => {
    await using node = await startTestNode();
    const { port } = node.server;

    const response = await tcp(node, "/v1/status", {
      headers: { origin: `http://127.0.0.1:${port}`, "sec-fetch-site": "same-origin" },
    });

    expect(response.status).toBe(200);
  });
});

describe("life", () => {
  test("the socket is for its owner only and is gone after stop", async () => {
    const node = await startTestNode();
    const mode = statSync(node.socketPath).mode & 0o777;

    await node.server.stop();
    await node.server.stop();

    expect(mode).toBe(0o600);
    expect(existsSync(node.socketPath)).toBe(false);
    await expect(tcp(node, "/")).rejects.toThrow();
    await node[Symbol.asyncDispose]();
  });

  test("a socket left by a killed node is replaced", async () => {
    const node = await startTestNode();
    const script = `Bun.serve({ unix: ${JSON.stringify(`${node.dataDir}/old.sock`)}, fetch: () => new Response("") });
      console.log("up"); setInterval(() => {}, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    for await (const _ of child.stdout) break;
    child.kill("SIGKILL");
    await child.exited;

    const socketPath = `${node.dataDir}/old.sock`;
    expect(existsSync(socketPath)).toBe(true);
    const server = await startAdminServer({
      dataDir: node.dataDir,
      socketPath,
      hostname: "127.0.0.1",
      port: 0,
      deps: node.deps,
    });

    expect((await node.request("/v1/status", { unix: socketPath })).status).toBe(200);
    await server.stop();
    await node[Symbol.asyncDispose]();
  });

  test("a data directory whose path is longer than a socket address holds works", async () => {
    const node = await startTestNode();
    const deep = `${node.dataDir}/${"d".repeat(80)}/${"e".repeat(80)}`;
    mkdirSync(deep, { recursive: true });
    const socketPath = `${deep}/admin.sock`;

    const server = await startAdminServer({
      dataDir: node.dataDir,
      socketPath,
      hostname: "127.0.0.1",
      port: 0,
      deps: node.deps,
    });

    expect(statSync(socketPath).isSocket()).toBe(true);
    expect((await node.request("/v1/status", { unix: socketPath })).status).toBe(200);
    await server.stop();
    await node[Symbol.asyncDispose]();
  });

  test("a port in use is an error that names it, and leaves no socket", async () => {
    await using node = await startTestNode();
    const socketPath = `${node.dataDir}/second.sock`;

    const start = startAdminServer({
      dataDir: node.dataDir,
      socketPath,
      hostname: "127.0.0.1",
      port: node.server.port,
      deps: node.deps,
    });

    await expect(start).rejects.toMatchObject({ code: "PORT_IN_USE" });
    expect(existsSync(socketPath)).toBe(false);
  });

  test("stop ends a log that is followed, and lets an answer that is under way finish", async () => {
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using node = await startTestNode({
      async publish() {
        asked.resolve();
        await go.promise;
      },
    });
    const followed = node
      .request("/v1/apps/shop/logs?follow=true")
      .then((response) => response.text());
    const promoted = node.request("/v1/apps/shop/promote", {
      method: "POST",
      body: JSON.stringify({ version: 2 }),
    });
    await asked.promise;

    const stopped = node.server.stop();
    go.resolve();

    expect((await promoted).status).toBe(200);
    expect(await followed).toContain("still here");
    await stopped;
  });

  test("down answers before the node ends", async () => {
    await using node = await startTestNode();

    const response = await node.request("/v1/shutdown", { method: "POST" });

    expect(await response.json()).toEqual({ pid: process.pid });
    await waitUntil(() => node.happened.includes("shutdown"), "the node was told");
  });
});
