/**
 * What is known of frameworks, as data: docs/frameworks.md is checked against it. A project is the first row that fits,
 * so that what builds on another comes before it: SvelteKit before Vite.
 */
import type { Framework } from "./framework.ts";
import { FRAMEWORKS_OF_PAGES } from "./frameworks-of-pages.ts";
import { FRAMEWORKS_WITH_SERVER } from "./frameworks-with-server.ts";

const SCRIPTS = ["build"];

export const FRAMEWORKS: readonly Framework[] = [
  ...FRAMEWORKS_WITH_SERVER,
  ...FRAMEWORKS_OF_PAGES,
  ...plainServers([
    ["express", "Express", false],
    ["fastify", "Fastify", false],
    ["koa", "Koa", false],
    ["hono", "Hono", true],
    ["elysia", "Elysia", true],
  ]),
  {
    // A server that imports its pages. What its `[serve.static]` says holds for them alone.
    name: "bun",
    title: "Bun full-stack",
    packages: ["bun-plugin-tailwind"],
    configFiles: [],
    configText: { file: "bunfig.toml", has: /^\s*\[serve\.static\]/m, says: "[serve.static]" },
    scripts: SCRIPTS,
    build: null,
    publicPrefixes: ["BUN_PUBLIC_"],
    outputs: [],
  },
];

/**
 * Servers that are an entry file. The older ones load view engines, plug-ins and workers by computed names, which one
 * file would not have.
 */
function plainServers(
  rows: readonly (readonly [name: string, title: string, bundle: boolean])[],
): Framework[] {
  return rows.map(([name, title, bundle]) => ({
    name,
    title,
    packages: [name],
    configFiles: [],
    scripts: SCRIPTS,
    build: null,
    publicPrefixes: [],
    outputs: [],
    bundle,
  }));
}
