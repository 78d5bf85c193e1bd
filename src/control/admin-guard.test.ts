import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorBody } from "../base/errors.ts";
import { startTestNode, type TestNode } from "./admin-deps-for-tests.ts";
import {
  adminTokenPath,
  ensureAdminToken,
  metricsTokenOf,
  readAdminToken,
  rotateAdminToken,
} from "./admin-token.ts";
import { ENDPOINT_PATHS } from "./endpoints.ts";
import { wrongTokensBurst } from "./limits.ts";

/** Code of the answer, or its status when it is no error; over the unix socket or TCP. */
async function ask(
  node: TestNode,
  authorization: string | null,
  path = "/v1/status",
  { method = "GET", isTcp = false } = {},
): Promise<string | number> {
  const headers: Record<string, string> = authorization === null ? {} : { authorization };
  const response = isTcp
    ? await fetch(`http://127.0.0.1:${node.server.port}${path}`, { method, headers })
    : await fetch(`http://localhost${path}`, { method, headers, unix: node.socketPath });
  if (response.ok) return response.status;
  return ((await response.json()) as { error: ErrorBody }).error.code;
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), "levain-token-"));
}

test("no endpoint answers without the token, on neither listener", async () => {
  await using node = await startTestNode();
  const paths = Object.values(ENDPOINT_PATHS).map(({ method, path }) => ({
    method,
    path: path.replace("{app}", "shop"),
  }));

  for (const { method, path } of [
    ...paths,
    { method: "GET", path: "/" },
    { method: "GET", path: "/v1/nothing" },
  ]) {
    for (const isTcp of [true, false]) {
      const what = `${method} ${path}`;
      expect(await ask(node, null, path, { method, isTcp }), what).toBe("ADMIN_TOKEN_MISSING");
    }
  }

  expect(node.happened).toEqual([]);
});

test("only the whole token in the right scheme is let through", async () => {
  await using node = await startTestNode();
  const { token } = node;
  const wrong = [
    `Bearer ${token}x`,
    `Bearer ${token.slice(0, -1)}`,
    `Bearer ${token.toUpperCase()}`,
    `Bearer ${"A".repeat(token.length)}`,
    `Bearer ${metricsTokenOf(token)}x`,
  ];
  const missing = [
    "",
    token,
    "Bearer",
    "Bearer ",
    `Basic ${btoa(`levain:${token}`)}`,
    `Bearer ${token} ${token}`,
  ];

  for (const header of wrong) expect(await ask(node, header), header).toBe("ADMIN_TOKEN_WRONG");
  for (const header of missing) expect(await ask(node, header), header).toBe("ADMIN_TOKEN_MISSING");
  for (const isTcp of [true, false]) {
    expect(await ask(node, `Bearer ${token}`, "/v1/status", { isTcp })).toBe(200);
    expect(await ask(node, `bearer ${token}`, "/", { isTcp })).toBe(200);
  }
});

test("a refusal says which scheme is wanted", async () => {
  await using node = await startTestNode();

  const response = await fetch("http://localhost/v1/status", { unix: node.socketPath });

  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toBe('Bearer realm="levain"');
});

test("the token for metrics reads them and does nothing else", async () => {
  await using node = await startTestNode();
  const metrics = `Bearer ${metricsTokenOf(node.token)}`;

  expect(await ask(node, metrics, "/metrics", { isTcp: true })).toBe(200);
  for (const { method, path } of Object.values(ENDPOINT_PATHS)) {
    if (path === "/metrics") continue;
    const code = await ask(node, metrics, path.replace("{app}", "shop"), { method });
    expect(code, path).toBe("ADMIN_TOKEN_METRICS_ONLY");
  }
  expect(await ask(node, metrics, "/")).toBe("ADMIN_TOKEN_METRICS_ONLY");
  expect(node.happened).toEqual([]);
});

test("wrong tokens are limited, and the right one is answered all the while", async () => {
  await using node = await startTestNode();

  const codes: (string | number)[] = [];
  for (let count = 0; count < wrongTokensBurst + 10; count += 1) {
    codes.push(await ask(node, `Bearer ${"w".repeat(43)}${count}`));
  }

  expect(codes.slice(0, wrongTokensBurst)).toEqual(
    Array(wrongTokensBurst).fill("ADMIN_TOKEN_WRONG"),
  );
  expect(codes.filter((code) => code === "ADMIN_TOKEN_LIMITED").length).toBeGreaterThanOrEqual(8);
  expect(await ask(node, `Bearer ${node.token}`)).toBe(200);
  // Said once, and without any token in it.
  const notes = node.happened.filter((line) => line.startsWith("note"));
  expect(notes).toEqual(["note admin API: 1 requests with a wrong token"]);
});

test("a new token counts at once, and the old one and its metrics token end", async () => {
  await using node = await startTestNode();
  const old = node.token;
  expect(await ask(node, `Bearer ${old}`)).toBe(200);

  const token = rotateAdminToken(node.dataDir);

  expect(await ask(node, `Bearer ${old}`)).toBe("ADMIN_TOKEN_WRONG");
  expect(await ask(node, `Bearer ${metricsTokenOf(old)}`, "/metrics")).toBe("ADMIN_TOKEN_WRONG");
  expect(await ask(node, `Bearer ${token}`)).toBe(200);
});

test("without its file, or with a damaged one, no token is right", async () => {
  await using node = await startTestNode();
  expect(await ask(node, `Bearer ${node.token}`)).toBe(200);

  writeFileSync(adminTokenPath(node.dataDir), "short\n");
  expect(await ask(node, `Bearer ${node.token}`)).toBe("ADMIN_TOKEN_UNREADABLE");
  expect(await ask(node, "Bearer short")).toBe("ADMIN_TOKEN_UNREADABLE");
  rmSync(adminTokenPath(node.dataDir));
  expect(await ask(node, `Bearer ${node.token}`)).toBe("ADMIN_TOKEN_WRONG");
});

test("the file is for its owner alone, whatever the umask, and nothing is left beside it", () => {
  const dataDir = folder();
  const umask = process.umask(0);
  try {
    const token = rotateAdminToken(dataDir);
    rotateAdminToken(dataDir);

    expect(statSync(adminTokenPath(dataDir)).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(["admin-token"]);
    expect(token).toMatch(/^levain_[\w-]{43}$/);
    expect(readAdminToken(dataDir)).not.toBe(token);
  } finally {
    process.umask(umask);
    rmSync(dataDir, { recursive: true });
  }
});

test("a token that is there is kept, also one that an operator wrote", () => {
  const dataDir = folder();
  const own = "an-operators-own_token.0123456789";
  writeFileSync(adminTokenPath(dataDir), `${own}\n`);

  ensureAdminToken(dataDir);

  expect(readAdminToken(dataDir)).toBe(own);
  rmSync(dataDir, { recursive: true });
});

test.if(process.getuid?.() === 0)(
  "root rotates the token of a node that runs as another user",
  () => {
    const dataDir = folder();
    chownSync(dataDir, 65534, 65534);
    chmodSync(dataDir, 0o700);

    rotateAdminToken(dataDir);

    expect(statSync(adminTokenPath(dataDir)).uid).toBe(65534);
    rmSync(dataDir, { recursive: true });
  },
);
