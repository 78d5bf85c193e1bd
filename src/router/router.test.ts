import { describe, expect, test } from "bun:test";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { TurnClock } from "../base/turn-clock.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import { Pools } from "../pool/pools.ts";
import { RunnerSandbox } from "../pool/runner-sandbox.ts";
import { Spares } from "../pool/spares.ts";
import { spellingsMax } from "./limits.ts";
import type { RouteTable } from "./route-table.ts";
import { hostLabel, hostName, Router } from "./router.ts";

function specOf(app: string, number: number, digest = `${app}${number}`): VersionSpec {
  return testSpec({ app, number, digest });
}

interface Branches {
  [branch: string]: { label: string; live: number | null };
}

/** An app with versions 1 to `versions`. */
function tableOf(app: string, branches: Branches, versions: number): RouteTable {
  const specs = Array.from({ length: versions }, (_, index) => specOf(app, index + 1));
  return {
    revision: 1,
    apps: { [app]: { branches, versions: Object.fromEntries(specs.map((s) => [s.number, s])) } },
  };
}

const shop = tableOf(
  "shop",
  {
    main: { label: "main", live: 2 },
    "feature/cart": { label: "feature-cart", live: 3 },
    empty: { label: "empty", live: null },
  },
  3,
);

/** No process is ever started: routing knows pools only by their version. */
function setup(table = shop, domain = "localhost", domainApp = "") {
  const removed: string[] = [];
  const clock = new TurnClock(systemClock);
  const spares = new Spares({
    runDir: "",
    runner: { path: "" },
    clock,
    sparesMax: 0,
    sandbox: new RunnerSandbox({ users: null }),
  });
  const pools = new Pools({
    artifactPath: (digest) => digest,
    environment: () => ({}),
    spares,
    log: { write: () => {} },
    clock,
    instancesMax: 100,
  });
  const router = new Router({
    domain,
    domainApp,
    pools,
    onRemoved: (spec) => removed.push(`${spec.app} v${spec.number}`),
  });
  router.publish(table);
  return {
    router,
    pools,
    removed,
    /** `shop v2`, or the code of the verdict. */
    to: (host: string) => {
      const route = router.route(host);
      return route instanceof PlatformError
        ? route.code
        : `${route.spec.app} v${route.spec.number}`;
    },
    [Symbol.asyncDispose]: () => pools.stop(0, new PlatformError("NODE_DRAINING", [])),
  };
}

describe("a host leads", () => {
  const hosts: [string, string][] = [
    ["shop.localhost", "shop v2"],
    ["shop.localhost:4000", "shop v2"],
    ["SHOP.LocalHost:80", "shop v2"],
    ["shop.localhost.", "shop v2"],
    ["shop.localhost.:4000", "shop v2"],
    ["feature-cart--shop.localhost", "shop v3"],
    ["FEATURE-CART--shop.localhost:1", "shop v3"],
    ["v1--shop.localhost", "shop v1"],
    ["v3--shop.localhost", "shop v3"],
    ["empty--shop.localhost", "BRANCH_NOT_LIVE"],
    ["nope--shop.localhost", "BRANCH_NOT_LIVE"],
    ["v4--shop.localhost", "VERSION_UNKNOWN"],
    ["main--shop.localhost", "BRANCH_NOT_LIVE"],
    ["nope.localhost", "HOST_UNKNOWN"],
    ["v1--nope.localhost", "HOST_UNKNOWN"],
    ["shop.example.com", "HOST_UNKNOWN"],
    ["shop.localhost.evil.com", "HOST_UNKNOWN"],
    ["evil-shop.localhost", "HOST_UNKNOWN"],
    ["a.shop.localhost", "HOST_UNKNOWN"],
    ["localhost", "HOST_UNKNOWN"],
    [".localhost", "HOST_UNKNOWN"],
    ["shop", "HOST_UNKNOWN"],
    ["", "HOST_UNKNOWN"],
    [":80", "HOST_UNKNOWN"],
    ["127.0.0.1:4000", "HOST_UNKNOWN"],
    ["[::1]:4000", "HOST_UNKNOWN"],
    ["constructor.localhost", "HOST_UNKNOWN"],
    ["__proto__.localhost", "HOST_UNKNOWN"],
    ["x--constructor.localhost", "HOST_UNKNOWN"],
  ];

  test.each(hosts)("%j to %s, each time it is asked", async (host, expected) => {
    await using routing = setup();

    expect([routing.to(host), routing.to(host)]).toEqual([expected, expected]);
  });

  test("nowhere with a message that names the app, branch or version", async () => {
    await using routing = setup();
    const messageOf = (host: string) => (routing.router.route(host) as PlatformError).message;

    expect(messageOf("nope--shop.localhost")).toContain('branch "nope" of app "shop"');
    expect(messageOf("v4--shop.localhost")).toContain('version "v4" of app "shop"');
    expect(messageOf("nope.localhost")).toContain('"nope.localhost"');
    expect(messageOf(`${"x".repeat(5000)}.localhost`).length).toBeLessThan(300);
  });

  test("to apps of a domain of several labels, in any case", async () => {
    await using routing = setup(shop, "Apps.Example.COM");

    expect(routing.to("shop.apps.example.com:443")).toBe("shop v2");
    expect(routing.to("shop.example.com")).toBe("HOST_UNKNOWN");
  });
});

describe("publishing", () => {
  test("moves every host at once, also those that were asked for before", async () => {
    await using routing = setup();
    expect([routing.to("shop.localhost"), routing.to("v4--shop.localhost")]).toEqual([
      "shop v2",
      "VERSION_UNKNOWN",
    ]);

    routing.router.publish(tableOf("shop", { main: { label: "main", live: 4 } }, 4));

    expect([routing.to("shop.localhost"), routing.to("v4--shop.localhost")]).toEqual([
      "shop v4",
      "shop v4",
    ]);
    expect(routing.to("feature-cart--shop.localhost")).toBe("BRANCH_NOT_LIVE");
    expect(routing.router.table.apps["shop"]!.branches["main"]!.live).toBe(4);
  });

  test("keeps the pool of a version that stays", async () => {
    await using routing = setup();
    const before = routing.router.route("shop.localhost");

    routing.router.publish({ ...shop, revision: 2 });

    expect(routing.router.route("v2--shop.localhost")).toBe(before);
  });

  test("tells of the versions that are gone, once", async () => {
    await using routing = setup();

    routing.router.publish(tableOf("shop", { main: { label: "main", live: 1 } }, 1));
    routing.router.publish({ revision: 3, apps: {} });

    expect(routing.removed).toEqual(["shop v2", "shop v3", "shop v1"]);
    expect(routing.to("shop.localhost")).toBe("HOST_UNKNOWN");
  });

  test("gives a number that is used again, for other bytes, a pool of its own", async () => {
    await using routing = setup();
    const first = routing.pools.of(specOf("shop", 9, "one"));

    const second = routing.pools.of(specOf("shop", 9, "two"));

    expect(second).not.toBe(first);
    expect(routing.pools.of(specOf("shop", 9, "two"))).toBe(second);
  });
});

describe("a host of an app's own leads", () => {
  const withDomains = (domains: Record<string, string>): RouteTable => {
    const app = { ...shop.apps.shop!, domains };
    return { revision: 2, apps: { ...shop.apps, shop: app } };
  };

  test("to the live version of its branch, in any spelling, until it is taken away", async () => {
    await using routing = setup(
      withDomains({ "a.example.com": "main", "b.example.com": "feature/cart" }),
    );

    expect(["a.example.com", "A.Example.COM.:443", "b.example.com:80"].map(routing.to)).toEqual([
      "shop v2",
      "shop v2",
      "shop v3",
    ]);
    expect(["www.a.example.com", "example.com"].map(routing.to)).toEqual(
      Array(2).fill("HOST_UNKNOWN"),
    );

    routing.router.publish(shop);
    expect(routing.to("a.example.com")).toBe("HOST_UNKNOWN");
  });

  test("nowhere while its branch has nothing live, or is none", async () => {
    const domains = {
      "e.example.com": "empty",
      "n.example.com": "nope",
      "p.example.com": "__proto__",
    };
    await using routing = setup(withDomains(domains));

    expect(Object.keys(domains).map(routing.to)).toEqual([
      "BRANCH_NOT_LIVE",
      "HOST_UNKNOWN",
      "HOST_UNKNOWN",
    ]);
    expect(Object.keys(domains).map((host) => routing.router.isServed(host))).toEqual(
      Array(3).fill(false),
    );
  });

  test("never to anywhere but the platform's own when it is a name of the platform's", async () => {
    const domains = { localhost: "main", "evil.localhost": "main", "v1--shop.localhost": "main" };
    await using routing = setup(withDomains(domains));

    expect(Object.keys(domains).map(routing.to)).toEqual([
      "HOST_UNKNOWN",
      "HOST_UNKNOWN",
      "shop v1",
    ]);
  });
});

test("the domain itself leads to an app only when one is named for it", async () => {
  await using plain = setup();
  await using named = setup(shop, "localhost", "shop");

  expect(plain.to("localhost:3000")).toBe("HOST_UNKNOWN");
  expect(named.to("localhost:3000")).toBe("shop v2");
});

test("whether a host is served can be asked without leaving a trace", async () => {
  await using routing = setup();

  const asked = ["shop.localhost", "SHOP.localhost.", "v1--shop.localhost", "v9--shop.localhost"];

  expect(asked.map((host) => routing.router.isServed(host))).toEqual([true, true, true, false]);
});

test("spellings that clients invent are kept up to a bound", async () => {
  await using routing = setup();

  for (let count = 0; count <= spellingsMax; count++) routing.to(`x${count}.localhost`);

  expect(routing.to("shop.localhost")).toBe("shop v2");
});

test("a host's name has no case, port or final dot", () => {
  expect(["A.b:1", "a.b.", "a.b.:80", "[::1]:80", "[::1]", ""].map(hostName)).toEqual([
    "a.b",
    "a.b",
    "a.b",
    "[::1]",
    "[::1]",
    "",
  ]);
});

test("the production branch has the app's own label", () => {
  expect(hostLabel("shop", "main", "main")).toBe("shop");
  expect(hostLabel("shop", "feature/cart", "feature-cart")).toBe("feature-cart--shop");
});
