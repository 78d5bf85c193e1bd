import { describe, expect, test } from "bun:test";
import { outcomeOf, type PlanWishes, planBuild } from "./build-plan.ts";
import type { Manifest, ProjectFacts } from "./framework.ts";

const NO_WISHES: PlanWishes = {
  framework: null,
  build: null,
  start: null,
  entry: null,
  assets: null,
  bundle: null,
};

const facts = (
  manifest: Manifest,
  files: string[] = [],
  texts: Record<string, string> = {},
): ProjectFacts => ({
  manifest,
  files: new Set([...files, ...Object.keys(texts)]),
  texts: new Map(Object.entries(texts)),
});

/** The plan, and what comes of it when the build leaves these files. */
function run(before: ProjectFacts, left: string[], wishes: Partial<PlanWishes> = {}) {
  const planned = planBuild(before, { ...NO_WISHES, ...wishes });
  const after = { ...before, files: new Set([...before.files, ...left]) };
  return { plan: planned.plan, outcome: outcomeOf(planned, after) };
}

describe("a plan", () => {
  test("runs the build script, else the framework's command, else nothing", () => {
    const vite = { devDependencies: { vite: "8" } };
    const build = (manifest: Manifest, wishes = {}) =>
      run(facts(manifest, ["index.ts"]), ["dist/index.html"], wishes).plan.build;

    expect(build({ ...vite, scripts: { build: "tsc && vite build" } })).toBe("bun run build");
    expect(build(vite)).toBe("vite build");
    expect(build({})).toBeNull();
    expect(build(vite, { build: false })).toBeNull();
    expect(build(vite, { build: "make" })).toBe("make");
  });

  test("says what will be started before it is there", () => {
    const manifest = { scripts: { build: "tsc", start: "node dist/main.js" } };

    expect(run(facts(manifest), ["dist/main.js"]).plan.start).toBe("dist/main.js");
    expect(run(facts({}, ["src/index.ts"]), []).plan.start).toBe("src/index.ts");
  });

  test("bundles plain servers, but not what loads its parts by computed names, nor what is built", () => {
    const bundle = (name: string, left: string) =>
      run(facts({ dependencies: { [name]: "1" } }, ["index.ts"]), [left]).plan.bundle;

    expect(bundle("left-pad", "x")).toBe(true);
    expect(bundle("hono", "x")).toBe(true);
    expect(bundle("express", "x")).toBe(false);
    expect(bundle("nuxt", ".output/server/index.mjs")).toBe(false);
  });
});

describe("what comes of a build", () => {
  test("of Vite is a single page, without a process", () => {
    const { plan, outcome } = run(facts({ devDependencies: { vite: "8" } }), ["dist/index.html"]);

    expect(plan).toMatchObject({ output: "single page", assets: "dist", start: null });
    expect(outcome).toMatchObject({
      start: null,
      assets: { folder: "dist", spa: true },
      keep: ["dist"],
      needsPackages: false,
    });
  });

  test("of Next.js is its traced server with its files beside it, also in a monorepo", () => {
    const next = facts({ dependencies: { next: "16" } });
    const { outcome } = run(next, [".next/BUILD_ID", ".next/standalone/apps/web/server.js"]);

    expect(outcome).toMatchObject({
      start: { target: { module: ".next/standalone/apps/web/server.js" } },
      needsPackages: false,
    });
    expect((outcome as { copies: unknown }).copies).toContainEqual([
      "public",
      ".next/standalone/apps/web/public",
    ]);
    expect(run(next, [".next/standalone/server.js"]).outcome).toMatchObject({
      start: { target: { module: ".next/standalone/server.js" } },
    });
    expect(run(next, [".next/BUILD_ID"]).outcome).toMatchObject({
      start: { target: { program: "next" }, args: ["start"] },
      needsPackages: true,
    });
  });

  test("is what is there, whatever was expected", () => {
    const router = { dependencies: { "@react-router/dev": "8" } };
    const both = ["build/client/index.html", "build/server/index.js"];
    const spa = { "react-router.config.ts": "export default { ssr: false }" };

    expect(run(facts(router), both).outcome).toMatchObject({
      start: { target: { program: "react-router-serve" }, args: ["./build/server/index.js"] },
      assets: { folder: "build/client", spa: false },
    });
    expect(run(facts(router), both.slice(0, 1)).outcome).toMatchObject({ start: null });
    expect(run(facts(router, [], spa), both).plan.output).toBe("single page");
  });

  test("of a framework that leaves nothing is said with what to do", () => {
    const { outcome } = run(facts({ devDependencies: { "@sveltejs/kit": "2" } }), []);

    expect(outcome).toContain("SvelteKit left no build/handler.js: use @sveltejs/adapter-node");
  });

  test("is what the configuration starts, with the files that it names", () => {
    const vite = facts({ devDependencies: { vite: "8" } });
    const { plan, outcome } = run(vite, ["dist/index.html", "server.js"], {
      start: "node server.js --quiet",
    });

    expect(plan.start).toBe("node server.js --quiet");
    expect(outcome).toMatchObject({
      start: { target: { module: "server.js" }, args: ["--quiet"] },
      assets: { folder: "dist" },
      keep: null,
    });
  });

  test("without anything to start is the folder with an index.html", () => {
    expect(run(facts({}, ["index.html", "a.css"]), []).outcome).toMatchObject({
      start: null,
      assets: { folder: "." },
    });
    expect(run(facts({}, ["public/index.html"]), []).plan).toMatchObject({
      framework: "static files",
      assets: "public",
    });
    expect(run(facts({}, ["index.html", "index.ts"]), []).outcome).toMatchObject({
      start: { target: { module: "index.ts" } },
      assets: null,
    });
  });
});
