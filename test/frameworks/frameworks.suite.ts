/**
 * Goal: what each framework's example promises, it does here. Method: a real node, real builds with packages from the
 * registry. Minutes, and not without a network: apart from the other tests, `.ci/run` runs it.
 *
 *   bun test ./test/frameworks/frameworks.suite.ts
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startTestNode, type TestNode } from "../node-for-tests.ts";

const EXAMPLES = join(import.meta.dir, "../../examples");
/** Of one build on a busy machine. Milliseconds. */
const deployTimeoutMs = 300_000;
/** Until what is idle is frozen, and some more. Milliseconds. */
const freezeTimeoutMs = 90_000;

interface Example {
  name: string;
  app: string;
  /** In its page. */
  page: string;
  /** It counts loaves at /api/loaves. */
  hasApi: boolean;
  /** /robots.txt comes from the node, without the app. */
  hasAssets: boolean;
  /** What is not there is 404; Nuxt without pages answers everything. */
  hasMissing: boolean;
}

const EXAMPLE_ROWS: Example[] = [
  ["vite-spa", "vite-spa", "<main id=", false, true, true] as const,
  ["nest", "nest-app", "Fresh wheat from NestJS", true, false, true] as const,
  ["sveltekit", "sveltekit", "Fresh rye from SvelteKit", true, true, true] as const,
  ["astro", "astro-app", "Fresh spelt from Astro", true, true, true] as const,
  ["react-router", "react-router-app", "from React Router", true, true, true] as const,
  ["nuxt", "nuxt-app", "Fresh oats from Nuxt", true, true, false] as const,
  ["next", "next-app", "Fresh bread from Next.js", true, true, true] as const,
].map(([name, app, page, hasApi, hasAssets, hasMissing]) => ({
  name,
  app,
  page,
  hasApi,
  hasAssets,
  hasMissing,
}));

const registry = process.env["npm_config_registry"] ?? "https://registry.npmjs.org/";
const isOnline = await fetch(registry, {
  method: "HEAD",
  signal: AbortSignal.timeout(10_000),
}).then(
  () => true,
  () => false,
);
if (!isOnline)
  console.log("the package registry does not answer: builds of frameworks are left out");

describe.skipIf(!isOnline)("an example", () => {
  let node: TestNode;
  const states = async () => {
    const { json } = await node.cli(["ps"]);
    return new Map<string, string>(
      json.data.instances.map(({ app, state }: { app: string; state: string }) => [app, state]),
    );
  };
  const bake = (app: string, method: string) => {
    // SvelteKit and Next.js compare where a form comes from.
    const headers = { origin: `http://${app}.localhost:${node.port}` };
    return node.fetch(app, "/api/loaves", { method, headers });
  };

  beforeAll(async () => {
    node = await startTestNode();
  }, deployTimeoutMs);
  afterAll(() => node[Symbol.asyncDispose](), 60_000);

  test.each(EXAMPLE_ROWS)(
    "of $name is deployed as it is, with pages, assets, an API and a 404",
    async ({ name, app, page, hasApi, hasAssets, hasMissing }) => {
      // The page of vite-spa names a place.
      await node.cli(["env", "set", "VITE_PLACE=the corner", "--build", "--app", "vite-spa"]);
      const { json, stderr } = await node.cli(["deploy"], { cwd: join(EXAMPLES, name) });

      expect(json?.error ?? stderr).toBe("");
      expect(json.data.app).toBe(app);
      expect(json.data.warnings.filter((text: string) => !text.startsWith("VITE_PLACE: "))).toEqual(
        [],
      );
      const home = await node.fetch(app, "/");
      expect(home.status).toBe(200);
      const text = (await home.text()).replaceAll("<!-- -->", "");
      expect(text).toContain(page);
      for (const [, path = ""] of text.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)) {
        const asset = await node.fetch(app, path);
        expect(asset.status, path).toBe(200);
        if (name === "vite-spa" && path.endsWith(".js"))
          expect(await asset.text()).toContain("the corner");
        else await asset.arrayBuffer();
      }
      if (hasAssets) {
        const robots = await node.fetch(app, "/robots.txt");
        expect(await robots.text()).toStartWith("User-agent");
        expect(robots.headers.get("etag")).not.toBeNull();
      }
      if (hasApi) {
        expect(await (await bake(app, "POST")).json()).toEqual({ baked: 1 });
        expect(await (await bake(app, "GET")).json()).toEqual({ baked: 1 });
      }
      if (hasMissing) expect((await node.fetch(app, "/nothing-here")).status).toBe(404);
    },
    deployTimeoutMs,
  );

  test(
    "that is frozen wakes with what it had",
    async () => {
      const servers = EXAMPLE_ROWS.filter(({ hasApi }) => hasApi);
      const endMs = performance.now() + freezeTimeoutMs;
      const isAsleep = (state: string | undefined) => state === "frozen" || state === "paged";
      for (let asleep = 0; asleep < servers.length; await Bun.sleep(250)) {
        const now = await states();
        asleep = servers.filter(({ app }) => isAsleep(now.get(app))).length;
        if (performance.now() > endMs) throw new Error(`not all are frozen: ${[...now].join(" ")}`);
      }

      for (const { app } of servers) {
        const woken = await bake(app, "GET");
        expect(await woken.json(), app).toEqual({ baked: 1 });
        expect(woken.headers.get("levain-wake"), app).toMatch(/^(?:frozen|paged);/);
      }
    },
    freezeTimeoutMs + 30_000,
  );
});
