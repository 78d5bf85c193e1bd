/** Goal: tokens, the audit log and domains as the store keeps them. Method: a real PostgreSQL, emptied before each test. */
import { afterEach, describe, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import type { AuditEntry } from "./audit.ts";
import { Database } from "./database.ts";
import { auditKeptMs, domainsOfAppMax, tokenExpiredKeptMs } from "./limits.ts";
import { withTestPostgres } from "./postgres-for-tests.ts";
import { openStore } from "./store.ts";
import type { StoredToken } from "./tokens.ts";
import { labelForTests, versionInput } from "./version-for-tests.ts";

const postgres = withTestPostgres();
const open = new Set<{ close(): Promise<void> }>();
afterEach(async () => {
  for (const one of open) await one.close();
  open.clear();
});

/** A store with the apps `shop` and `blog`, both live on `main`. */
async function setup() {
  const connection = await postgres.emptiedDatabase();
  const store = openStore({ connection, clock: systemClock });
  const database = new Database({ connection });
  open.add(store).add(database);
  await store.migrate();
  for (const app of ["shop", "blog"]) {
    await store.createVersion(versionInput({ app, number: 1 }));
    const move = { app, branch: "main", version: 1, reason: "deploy" as const, atMs: 1 };
    await store.setLive({ ...move, branchLabel: labelForTests });
  }
  return { store, database };
}

function token(fields: Partial<StoredToken> = {}): StoredToken {
  return {
    id: "0123456789",
    name: "ci",
    hash: "a".repeat(64),
    role: "deploy",
    apps: ["shop"],
    createdAtMs: 1_700_000_000_000,
    expiresAtMs: null,
    usedAtMs: null,
    ...fields,
  };
}

function entry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    atMs: 1_700_000_000_000,
    actor: "owner",
    actorName: "owner",
    action: "promote",
    app: "shop",
    address: "socket",
    result: "ok",
    detail: { version: 1 },
    ...fields,
  };
}

function domain(app: string, host = "shop.example.com", branch = "main") {
  return { host, app, branch, challenge: `of-${app}`, createdAtMs: 1 };
}

describe("tokens", () => {
  test("are listed as they were made, with the last use, until they are removed", async () => {
    const { store } = await setup();
    await store.createToken(token());
    await store.createToken(
      token({ id: "abcdef0123", name: "all", apps: null, expiresAtMs: 9e14 }),
    );

    await store.noteTokensUsed(new Map([["0123456789", 1_700_000_300_000]]));

    expect(await store.tokens()).toEqual([
      token({ usedAtMs: 1_700_000_300_000 }),
      token({ id: "abcdef0123", name: "all", apps: null, expiresAtMs: 9e14 }),
    ]);
    expect(await store.removeToken("0123456789")).toBe(true);
    expect(await store.removeToken("0123456789")).toBe(false);
    expect((await store.tokens()).map(({ name }) => name)).toEqual(["all"]);
  });

  test("have names of their own, and those that ended long ago leave", async () => {
    const { store } = await setup();
    await store.createToken(token({ expiresAtMs: 1_700_000_000_001 }));

    expect(store.createToken(token({ id: "abcdef0123" }))).rejects.toMatchObject({
      code: "TOKEN_NAME_TAKEN",
    });
    const createdAtMs = 1_700_000_000_002 + tokenExpiredKeptMs;
    await store.createToken(token({ id: "abcdef0123", createdAtMs }));

    expect((await store.tokens()).map(({ id }) => id)).toEqual(["abcdef0123"]);
  });
});

describe("the audit log", () => {
  test("gives the newest entries in order, of one app, since a time", async () => {
    const { store } = await setup();
    const actions = ["deploy", "promote", "delete", "down"];
    for (const [index, action] of actions.entries()) {
      const app = action === "down" ? null : index === 2 ? "blog" : "shop";
      await store.addAudit([entry({ action, app, atMs: 1_700_000_000_000 + index })]);
    }
    const of = async (query: { app?: string; sinceMs?: number; limit: number }) =>
      (await store.audit(query)).map(({ action }) => action);

    expect(await of({ limit: 100 })).toEqual(actions);
    expect(await of({ limit: 2 })).toEqual(["delete", "down"]);
    expect(await of({ app: "shop", limit: 100 })).toEqual(["deploy", "promote"]);
    expect(await of({ sinceMs: 1_700_000_000_002, limit: 100 })).toEqual(["delete", "down"]);
    expect((await store.audit({ limit: 1 }))[0]).toMatchObject(
      entry({ action: "down", app: null, atMs: 1_700_000_000_003 }),
    );
  });

  test("cannot be changed, not even with the database at hand, and outlives its app", async () => {
    const { store, database } = await setup();
    await store.addAudit([entry()]);

    for (const sql of ["UPDATE levain.audit SET actor = 'nobody'", "TRUNCATE levain.audit"]) {
      const change = database.write((queries) => queries.run(sql));
      expect(change, sql).rejects.toThrow("append-only");
    }
    await store.removeApp("shop");

    expect(await store.audit({ limit: 10 })).toHaveLength(1);
  });

  test("loses what is older than its bound, and nothing else", async () => {
    const { store } = await setup();
    const atMs = 1_700_000_000_000;
    await store.addAudit([entry({ atMs }), entry({ atMs: atMs + 2, action: "down" })]);

    await store.addAudit([entry({ atMs: atMs + 1 + auditKeptMs })]);

    const kept = await store.audit({ limit: 10 });
    expect(kept.map((one) => one.atMs - atMs)).toEqual([2, 1 + auditKeptMs]);
  });
});

describe("domains", () => {
  test("route once they are verified, to the branch they were added to last", async () => {
    const { store } = await setup();
    const routed = async () => (await store.routeTable()).apps.shop?.domains;
    await store.addDomain(domain("shop"));
    expect(await routed()).toBeUndefined();

    await store.verifyDomain("shop", "shop.example.com");
    expect(await routed()).toEqual({ "shop.example.com": "main" });

    const move = { app: "shop", branch: "next", version: 1, reason: "promote" as const, atMs: 2 };
    await store.setLive({ ...move, branchLabel: labelForTests });
    const moved = await store.addDomain({ ...domain("shop", undefined, "next"), challenge: "new" });
    expect(moved).toMatchObject({ branch: "next", challenge: "of-shop" });
    expect(moved.verifiedAtMs).not.toBeNull();
    expect(await routed()).toEqual({ "shop.example.com": "next" });
  });

  test("belong to who proves them first; the others are refused from then on", async () => {
    const { store } = await setup();
    await store.addDomain(domain("shop"));
    await store.addDomain(domain("blog"));
    const taken = { code: "DOMAIN_TAKEN" };

    const both = await Promise.allSettled(
      ["shop", "blog"].map((app) => store.verifyDomain(app, "shop.example.com")),
    );

    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    const winner = both[0]?.status === "fulfilled" ? "shop" : "blog";
    const loser = winner === "shop" ? "blog" : "shop";
    expect(store.verifyDomain(loser, "shop.example.com")).rejects.toMatchObject(taken);
    expect(store.addDomain(domain(loser))).rejects.toMatchObject(taken);
    await store.removeDomain(winner, "shop.example.com");
    await store.verifyDomain(loser, "shop.example.com");
    expect((await store.routeTable()).apps[loser]?.domains).toEqual({ "shop.example.com": "main" });
  });

  test("go with their app, and an app that comes again has none of them", async () => {
    const { store } = await setup();
    await store.addDomain(domain("shop"));
    await store.verifyDomain("shop", "shop.example.com");

    await store.removeApp("shop");

    expect(await store.domains(null)).toEqual([]);
    await store.addDomain(domain("blog"));
    await store.verifyDomain("blog", "shop.example.com");
  });

  test("need an app and a branch that exist, and are bounded", async () => {
    const { store } = await setup();
    const refusals = [
      [domain("nope"), "APP_UNKNOWN"],
      [domain("shop", "a.example.com", "nope"), "BRANCH_UNKNOWN"],
    ] as const;
    for (const [input, code] of refusals) {
      expect(store.addDomain(input)).rejects.toMatchObject({ code });
    }
    expect(store.removeDomain("shop", "x.example.com")).rejects.toMatchObject({
      code: "DOMAIN_UNKNOWN",
    });
    for (let count = 0; count < domainsOfAppMax; count++) {
      await store.addDomain(domain("shop", `d${count}.example.com`));
    }

    expect(store.addDomain(domain("shop"))).rejects.toMatchObject({ code: "DOMAINS_FULL" });
    // Leading one elsewhere needs no room.
    await store.addDomain(domain("shop", "d0.example.com"));
  });
});
