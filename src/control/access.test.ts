/** Goal: who may do what with a token. Method: a real admin server; every endpoint, with every kind of token. */
import { describe, expect, test } from "bun:test";
import type { ErrorBody } from "../base/errors.ts";
import { ACCESS, ROLES, type Role } from "./access.ts";
import { startTestNode, type TestNode, waitUntil } from "./admin-deps-for-tests.ts";
import type { AuditEntryInfo, TokenInfo } from "./api.ts";
import { ENDPOINT_NAMES, ENDPOINT_PATHS, type EndpointName, endpointPath } from "./endpoints.ts";
import { auditRefusalsBurst } from "./limits.ts";

interface Made {
  role?: Role;
  apps?: string[] | null;
  expiresAtMs?: number | null;
  name?: string;
}

let made = 0;

/** A new token, made over the API. */
async function tokenOf(node: TestNode, { role = "deploy", apps = null, ...rest }: Made = {}) {
  made += 1;
  const input = { name: `test-${made}`, role, apps, expiresAtMs: null, ...rest };
  const response = await node.request("/v1/tokens", {
    method: "POST",
    body: JSON.stringify(input),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as TokenInfo & { token: string };
}

/** Code of the answer, or `ok`. */
async function ask(
  node: TestNode,
  token: string,
  name: EndpointName,
  { app = "", query = "", body = undefined as unknown } = {},
): Promise<string> {
  const { method } = ENDPOINT_PATHS[name];
  const response = await node.request(`${endpointPath(name, app)}${query}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return response.ok ? "ok" : (JSON.parse(text) as { error: ErrorBody }).error.code;
}

async function auditOf(node: TestNode): Promise<AuditEntryInfo[]> {
  const response = await node.request("/v1/audit?limit=1000");
  return ((await response.json()) as { entries: AuditEntryInfo[] }).entries;
}

const refusals = ["ADMIN_TOKEN_ROLE", "ADMIN_TOKEN_APP"];

describe("the table", () => {
  test("has a row for every endpoint and no other", () => {
    expect(Object.keys(ACCESS).sort()).toEqual([...ENDPOINT_NAMES].sort());
  });

  test("gives an app's endpoints their app, and nothing with an app in its path to the node", () => {
    for (const name of ENDPOINT_NAMES) {
      const isOfApp = ENDPOINT_PATHS[name].path.includes("{app}");
      expect(ACCESS[name].scope === "app", name).toBe(isOfApp);
    }
  });

  test("leaves to `read` only what changes nothing", () => {
    for (const name of ENDPOINT_NAMES) {
      if (ENDPOINT_PATHS[name].method !== "GET") expect(ACCESS[name].role, name).not.toBe("read");
    }
  });
});

// Not from the table: it is what docs/remote.md promises.
test("what cannot be undone, takes code away or gives rights is the admin's alone", () => {
  const admins = ENDPOINT_NAMES.filter((name) => ACCESS[name].role === "admin").sort();

  expect(admins).toEqual([
    "audit",
    "backup",
    "databaseDump",
    "databaseRestore",
    "domainAdd",
    "domainRemove",
    "down",
    "export",
    "gc",
    "keyRotate",
    "remove",
    "tokenCreate",
    "tokenRevoke",
    "tokens",
    "verdictAdd",
  ]);
});

describe.each([...ROLES])("a token of role %s", (role) => {
  test("may call what its role may, of every endpoint, and is refused the rest", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node, { role });

    for (const name of ENDPOINT_NAMES) {
      const code = await ask(node, token, name, { app: "nope" });
      const mayCall = ROLES.indexOf(role) >= ROLES.indexOf(ACCESS[name].role);
      expect(refusals.includes(code), `${name}: ${code}`).toBe(!mayCall);
    }
  });

  test("limited to an app is refused every other app and the node, whatever is there", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node, { role, apps: ["shop"] });

    for (const name of ENDPOINT_NAMES) {
      const { role: needed, scope } = ACCESS[name];
      const isLow = ROLES.indexOf(role) < ROLES.indexOf(needed);
      if (scope === "node") {
        const expected = isLow ? "ADMIN_TOKEN_ROLE" : "ADMIN_TOKEN_APP";
        expect(await ask(node, token, name), name).toBe(expected);
      }
      if (scope !== "app") continue;
      for (const app of ["blog", "nope", "Shop", "shop%00", "shop/../blog"]) {
        const code = await ask(node, token, name, { app });
        expect(refusals, `${name} ${app}: ${code}`).toContain(code);
      }
      const own = await ask(node, token, name, { app: "shop" });
      expect(own === "ADMIN_TOKEN_ROLE", `${name}: ${own}`).toBe(isLow);
      expect(own, name).not.toBe("ADMIN_TOKEN_APP");
    }
    expect(node.happened.filter((line) => line.includes("blog"))).toEqual([]);
  });
});

describe("a token limited to apps", () => {
  test("sees only these in lists, processes and the audit log", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node, { role: "admin", apps: ["shop"] });
    const headers = { authorization: `Bearer ${token}` };
    await node.request("/v1/apps/blog?confirm=blog", { method: "DELETE" });
    await node.request("/v1/apps/shop/promote", { method: "POST", body: '{"version":2}' });

    const [apps, ps, audit] = await Promise.all(
      ["/v1/apps", "/v1/instances", "/v1/audit"].map(async (path) =>
        (await node.request(path, { headers })).json(),
      ),
    );

    expect((apps as { apps: { name: string }[] }).apps.map(({ name }) => name)).toEqual(["shop"]);
    expect((ps as { instances: { app: string }[] }).instances.map(({ app }) => app)).toEqual([
      "shop",
    ]);
    const { entries } = audit as { entries: AuditEntryInfo[] };
    expect(entries.map(({ action, app }) => [action, app])).toEqual([["promote", "shop"]]);
  });

  test("cannot deploy another app, neither by name nor by what the upload says", async () => {
    await using node = await startTestNode({
      deployer: {
        // What the upload calls itself.
        async deploy(_upload, _query, _emit, _signal, deploying) {
          deploying.assertMayDeploy("blog");
          throw new Error("it went on");
        },
      },
    });
    const { token } = await tokenOf(node, { apps: ["shop"] });
    const headers = { authorization: `Bearer ${token}` };

    expect(await ask(node, token, "deploy", { query: "?app=blog" })).toBe("ADMIN_TOKEN_APP");
    const streamed = await node.request("/v1/deploys", { method: "POST", headers, body: "x" });

    const last = (await streamed.text()).trim().split("\n").at(-1) as string;
    expect(JSON.parse(last)).toMatchObject({ type: "failed", error: { code: "ADMIN_TOKEN_APP" } });
  });
});

describe("a token", () => {
  test("is refused in every form but its own, and none of them says that its id is known", async () => {
    await using node = await startTestNode();
    const { token, id } = await tokenOf(node, { role: "admin" });
    const flipped = token.slice(0, -1) + (token.endsWith("A") ? "B" : "A");
    const wrong = [
      flipped,
      token.slice(0, -1),
      `${token}A`,
      token.toUpperCase(),
      `lvn_${id}`,
      `lvn_${id}_`,
      `lvn_${id}_${"A".repeat(43)}`,
      `lvn_${"0".repeat(10)}_${token.slice(-43)}`,
      id,
      token.replace("lvn_", "levain_"),
    ];

    const codes = await Promise.all(wrong.map((text) => ask(node, text, "whoami")));

    expect(codes).toEqual(wrong.map(() => "ADMIN_TOKEN_WRONG"));
    expect(await ask(node, token, "whoami")).toBe("ok");
  });

  test("that has expired is refused, and is not made when it would have", async () => {
    await using node = await startTestNode();
    const response = await node.request("/v1/tokens", {
      method: "POST",
      body: JSON.stringify({ name: "late", role: "read", expiresAtMs: 1 }),
    });
    expect(((await response.json()) as { error: ErrorBody }).error.code).toBe("INPUT_INVALID");
    const { token } = await tokenOf(node, { expiresAtMs: Date.now() + 150 });

    let code = await ask(node, token, "whoami");
    while (code === "ok") code = await ask(node, token, "whoami");

    expect(code).toBe("ADMIN_TOKEN_EXPIRED");
  });

  test("cannot be named as another's id looks, which it would be revoked for", async () => {
    await using node = await startTestNode();
    const { id } = await tokenOf(node);

    const body = { name: id, role: "read" };

    expect(await ask(node, node.token, "tokenCreate", { body })).toBe("INPUT_INVALID");
  });

  test("ends when it is revoked: the next request, and what goes on with it", async () => {
    await using node = await startTestNode();
    const { token, id, name } = await tokenOf(node, { role: "read" });
    const headers = { authorization: `Bearer ${token}` };
    const following = await node.request("/v1/apps/shop/logs?follow=true", { headers });
    const lines: string[] = [];
    const reading = (async () => {
      for await (const chunk of following.body ?? []) lines.push(new TextDecoder().decode(chunk));
    })();
    await waitUntil(() => lines.length > 0, "the log is followed");

    const body = { token: name };
    expect(await ask(node, node.token, "tokenRevoke", { body })).toBe("ok");

    expect(await ask(node, token, "whoami")).toBe("ADMIN_TOKEN_WRONG");
    await reading;
    const last = lines.join("").trim().split("\n").at(-1) as string;
    expect(JSON.parse(last)).toMatchObject({ error: { code: "ADMIN_TOKEN_REVOKED" } });
    await waitUntil(() => node.happened.includes("follow ended"), "nobody follows");
    expect(await ask(node, node.token, "tokenRevoke", { body: { token: id } })).toBe(
      "TOKEN_UNKNOWN",
    );
  });

  test("that is revoked during its deploy cancels it", async () => {
    const reached = Promise.withResolvers<void>();
    await using node = await startTestNode({
      deployer: {
        async deploy(_upload, _query, _emit, signal) {
          reached.resolve();
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
          throw signal.reason;
        },
      },
    });
    const { token, name } = await tokenOf(node);
    const headers = { authorization: `Bearer ${token}` };
    const answer = node.request("/v1/deploys?app=shop", { method: "POST", headers, body: "x" });
    await reached.promise;

    await ask(node, node.token, "tokenRevoke", { body: { token: name } });

    const last = (await (await answer).text()).trim().split("\n").at(-1) as string;
    expect(JSON.parse(last)).toMatchObject({
      type: "failed",
      error: { code: "ADMIN_TOKEN_REVOKED" },
    });
    const entries = await auditOf(node);
    expect(entries.find(({ action }) => action === "deploy")).toMatchObject({
      app: "shop",
      result: "ADMIN_TOKEN_REVOKED",
    });
  });

  test("is told once: lists, errors and the audit log do not have it, nor its hash", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node, { role: "admin" });
    const hash = new Bun.CryptoHasher("sha256").update(token).digest("hex");
    await ask(node, token, "promote", { app: "shop", body: { version: 99 } });

    const said = await Promise.all(
      ["/v1/tokens", "/v1/audit", "/v1/whoami"].map(async (path) =>
        (await node.request(path)).text(),
      ),
    );

    const all = said.join() + node.happened.join();
    expect(all).not.toContain(token);
    expect(all).not.toContain(token.slice(-43));
    expect(all).not.toContain(hash);
  });
});

describe("the audit log", () => {
  test("has who did what to what, from where, and what came of it", async () => {
    await using node = await startTestNode();
    const { token, id, name } = await tokenOf(node);
    await ask(node, token, "promote", { app: "shop", body: { version: 2 } });
    await ask(node, token, "promote", { app: "shop", body: { version: 99 } });
    await ask(node, token, "remove", { app: "shop", query: "?confirm=shop" });
    await ask(node, token, "apps");
    await (await node.request(endpointPath("export", "shop"))).bytes();
    await ask(node, "nonsense", "apps");

    const entries = (await auditOf(node)).map(({ id: _, atMs: __, ...rest }) => rest);

    const who = { actor: `token:${id}`, actorName: name, app: "shop", address: "socket" };
    expect(entries).toEqual([
      {
        actor: "owner",
        actorName: "owner",
        action: "tokenCreate",
        app: null,
        address: "socket",
        result: "ok",
        detail: { token: name, role: "deploy", apps: null, id },
      },
      { ...who, action: "promote", result: "ok", detail: { version: 2, branch: "main" } },
      {
        ...who,
        action: "promote",
        result: "VERSION_UNKNOWN",
        detail: { version: 99, branch: "main" },
      },
      { ...who, action: "remove", result: "ADMIN_TOKEN_ROLE", detail: {} },
      {
        ...who,
        actor: "owner",
        actorName: "owner",
        action: "export",
        result: "ok",
        detail: { all: false },
      },
      {
        actor: "nobody",
        actorName: "",
        action: "authenticate",
        app: null,
        address: "socket",
        result: "ADMIN_TOKEN_WRONG",
        detail: {},
      },
    ]);
  });

  test("takes some of ten thousand wrong tokens and counts the rest; right ones work all the while", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node);
    const url = `http://127.0.0.1:${node.server.port}/v1/whoami`;
    let right = 0;

    for (let round = 0; round < 100; round++) {
      const answers = Array.from({ length: 100 }, (_, index) =>
        fetch(url, { headers: { authorization: `Bearer lvn_${round}_${index}` } }).then(
          ({ status }) => status,
        ),
      );
      expect((await Promise.all(answers)).every((status) => status === 401 || status === 429)).toBe(
        true,
      );
      if ((await ask(node, token, "whoami")) === "ok") right += 1;
    }

    expect(right).toBe(100);
    expect(node.deps.audit.wrongTokens).toBe(10_000);
    const refused = (await auditOf(node)).filter(({ actor }) => actor === "nobody");
    expect(refused.length).toBeGreaterThanOrEqual(auditRefusalsBurst);
    expect(refused.length).toBeLessThan(auditRefusalsBurst + 20);
  }, 60_000);

  test("keeps what was done while the store is away, and writes it when it is back", async () => {
    await using node = await startTestNode();
    const { token } = await tokenOf(node);
    const { audit } = node.deps;
    // A trail of its own on a store that fails once.
    let isAway = true;
    const written: string[] = [];
    const { AuditTrail } = await import("./audit-trail.ts");
    const trail = new AuditTrail({
      clock: node.deps.clock,
      note: () => {},
      retryMs: 20,
      store: {
        async addAudit(entries) {
          if (isAway) throw new Error("away");
          written.push(...entries.map(({ action }) => action));
        },
      },
    });
    const principal = await node.deps.tokens.find(token);
    const facts = { app: null, address: "socket", result: "ok", detail: {} };
    await trail.add(principal!, { action: "promote", ...facts });
    await trail.add(principal!, { action: "remove", ...facts });
    isAway = false;

    await waitUntil(() => written.length > 0, "the store has them");
    expect(written).toEqual(["promote", "remove"]);
    await trail.add(principal!, { action: "down", ...facts });
    expect(written).toEqual(["promote", "remove", "down"]);
    await trail.close();
    await audit.close();
  });
});
