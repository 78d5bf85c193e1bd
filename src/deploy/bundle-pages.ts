/**
 * HTML imports (`import page from "./index.html"`) of an app that is bundled. Bun's bundler would make page and server with
 * one set of options; under `bun run`, the pages of `Bun.serve` have plug-ins, values and minifying of their own. So the
 * bundle of the server only finds them, with what they load left out (`pageFinder`), and a bundle for browsers makes them,
 * as bunfig.toml says (`bundlePages`):
 *
 *   src/index.levain.html           the page, beside its source
 *   .levain-client/index-k2j….js    what it loads, asked for as /_bun/index-k2j….js
 */
import { existsSync, readFileSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { BunPlugin } from "bun";
import { clientFolder, clientUrls } from "./client-files.ts";
import { rewriteManifests } from "./module-locations.ts";

/** What a bundler wrote. */
export interface PageOutput {
  path: string;
  kind: string;
  loader: string;
}

/** Folder for pages while they are made, in `clientFolder`, where nothing of them stays. */
const STAGED = "pages";

/** Lets what pages load be, so that the bundle of a server needs nothing of theirs. */
export function pageFinder(): BunPlugin {
  return {
    name: "levain-pages",
    setup(builder) {
      // With a plug-in that is asked for the page itself, Bun 1.4 loses that it is one.
      builder.onResolve({ filter: /^(?!.*\.html$)/ }, ({ path, importer }) =>
        importer.endsWith(".html") ? { path, external: true } : undefined,
      );
    },
  };
}

/** Paths of the pages that a server imports, relative to the project's folder, from what its bundle came to. */
export function pagesOf(outdir: string, outputs: readonly PageOutput[]): string[] {
  return outputs
    .filter(({ path, loader }) => loader === "html" && path.endsWith(".levain.html"))
    .map(({ path }) => relative(outdir, path).replace(/\.levain\.html$/, ".html"))
    .sort();
}

export interface PagesRequest {
  /** Absolute path of the project's folder. */
  root: string;
  outdir: string;
  /** The server's module, relative to `root`: the nearest bunfig.toml above it counts. */
  entry: string;
  pages: readonly string[];
  /** Of the server's bundle. */
  outputs: readonly PageOutput[];
}

/** @returns what Bun says of them; without errors, the pages are in `outdir` */
export async function bundlePages(request: PagesRequest): Promise<Bun.BuildOutput> {
  const { root, outdir, entry, pages, outputs } = request;
  // The finder left a page without its scripts, and a chunk that has nothing in it.
  for (const { path, loader } of outputs) if (loader === "html") await rm(path, { force: true });
  const options = await readPageOptions(root, entry);
  const mode = process.env.NODE_ENV === "production" ? "production" : "development";
  const client = join(outdir, clientFolder);
  const built = await Bun.build({
    ...options,
    entrypoints: pages.map((page) => join(root, page)),
    root,
    outdir: client,
    target: "browser",
    minify: mode === "production",
    define: { "process.env.NODE_ENV": JSON.stringify(mode) },
    publicPath: clientUrls,
    naming: {
      entry: `${STAGED}/[dir]/[name].[ext]`,
      chunk: "[name]-[hash].[ext]",
      asset: "[name]-[hash].[ext]",
    },
    throw: false,
  });
  if (!built.success) return built;
  for (const page of pages) {
    await rename(join(client, STAGED, page), join(outdir, placeOf(page)));
  }
  await rm(join(client, STAGED), { recursive: true, force: true });
  return built;
}

/** The bundle of a server, with the pages where they are in its artifact. */
export function locatePages(text: string, pages: readonly string[]): string {
  return rewriteManifests(
    text,
    new Map(pages.map((page) => [`./${placeOf(page)}`, placeOf(page)])),
  );
}

function placeOf(page: string): string {
  return page.replace(/\.html$/, ".levain.html");
}

type PageOptions = Pick<Bun.BuildConfig, "plugins" | "env" | "sourcemap">;

/** `[serve.static]` of bunfig.toml, as Bun takes it. @throws {Error} what is wrong, for a person */
async function readPageOptions(root: string, entry: string): Promise<PageOptions> {
  const folder = folderWithBunfig(root, dirname(entry));
  if (folder === null) return {};
  const file = join(folder, "bunfig.toml");
  const { serve } = Bun.TOML.parse(readFileSync(file, "utf8")) as { serve?: { static?: unknown } };
  const { plugins, env, sourcemap } = (serve?.static ?? {}) as Record<string, unknown>;
  const options: PageOptions = { plugins: [] };
  if (typeof env === "string") options.env = env as "inline";
  if (sourcemap === true) options.sourcemap = "linked";
  else if (typeof sourcemap === "string") options.sourcemap = sourcemap as "linked";
  for (const name of [plugins ?? []].flat())
    options.plugins!.push(await importPlugin(folder, name));
  return options;
}

/** As far up as the project goes. */
function folderWithBunfig(root: string, from: string): string | null {
  for (let at = from; ; at = dirname(at)) {
    if (existsSync(join(root, at, "bunfig.toml"))) return join(root, at);
    if (at === "." || at === dirname(at)) return null;
  }
}

async function importPlugin(folder: string, name: unknown): Promise<BunPlugin> {
  const of = `the plug-in ${JSON.stringify(name)} of [serve.static] in bunfig.toml`;
  if (typeof name !== "string") throw new Error(`${of} is no name`);
  let module: { default?: unknown };
  try {
    module = await import(Bun.resolveSync(name, folder));
  } catch (error) {
    throw new Error(`${of} cannot be loaded: ${error instanceof Error ? error.message : error}`);
  }
  const plugin = module.default as Partial<BunPlugin> | undefined;
  if (typeof plugin?.setup === "function") return plugin as BunPlugin;
  throw new Error(`${of} has no default export with a \`setup\` function`);
}
