/**
 * Bundles an app into one file beside its entry, in the build child. Modules keep knowing where they were
 * (`module-locations.ts`), files they import keep their absolute paths, and stack traces point to the sources.
 */
import { rm } from "node:fs/promises";
import { dirname, extname, join, posix, relative } from "node:path";
import type { BunPlugin } from "bun";
import { bundlePages, locatePages, type PageOutput, pageFinder, pagesOf } from "./bundle-pages.ts";
import type { BundleRequest, ChildResult } from "./child-result.ts";
import { bundleWarningsMax } from "./limits.ts";
import {
  locationsBanner,
  type ModuleKind,
  rewriteAssets,
  rewriteLocations,
} from "./module-locations.ts";

/** Folder of the artifact for what the bundler copies: files out of packages, chunks for browsers. */
const ASSETS = "levain-assets";
/** A module that a dependency asks for and nobody installed is left out; that can bring up the next. Rounds. */
const ROUNDS_MAX = 5;
const SCRIPTS = new Set<string>(["js", "jsx", "ts", "tsx"]);

interface Attempt {
  isRewritten: boolean;
  /** Modules that are left to fail when they are used. */
  external: string[];
}

export async function bundle(request: BundleRequest): Promise<ChildResult> {
  const attempt: Attempt = { isRewritten: true, external: [] };
  for (let round = 1; ; round += 1) {
    const originals = new Map<string, string>();
    const built = await build(request, attempt, originals);
    if (built.success) {
      const { root, outdir, entry: source } = request;
      const { outputs } = built;
      const pages = pagesOf(outdir, outputs);
      const shown =
        pages.length === 0
          ? null
          : await bundlePages({ root, outdir, entry: source, pages, outputs });
      if (shown?.success === false) return failureOf(request, shown.logs);
      const entry = await finish(request, outputs, pages, originals);
      const logs = [...built.logs, ...(shown?.logs ?? [])];
      const warnings = warningsOf(request, logs, attempt.external);
      return { ok: true, task: "bundle", entry, warnings };
    }
    const missing = missingInPackages(built.logs);
    if (missing.length > 0 && round < ROUNDS_MAX) attempt.external.push(...missing);
    // What we wrote into a module could have been the mistake; then the person must not be told about it.
    else if (attempt.isRewritten) attempt.isRewritten = false;
    else return failureOf(request, built.logs);
  }
}

function build(request: BundleRequest, attempt: Attempt, originals: Map<string, string>) {
  const { root, entry, outdir } = request;
  return Bun.build({
    entrypoints: [join(root, entry)],
    root,
    outdir,
    target: "bun",
    format: "esm",
    // One file: an app is loaded whole, and `import()` still runs a module only when it is asked for.
    splitting: false,
    sourcemap: "linked",
    external: attempt.external,
    naming: {
      entry: "[dir]/[name].levain.[ext]",
      chunk: `${ASSETS}/[name]-[hash].[ext]`,
      asset: `${ASSETS}/[name]-[hash].[ext]`,
    },
    banner: locationsBanner(entry),
    plugins: [
      sdkPlugin(),
      pageFinder(),
      ...(attempt.isRewritten ? [locationsPlugin(request, originals)] : []),
    ],
    throw: false,
  });
}

function locationsPlugin(
  { root, entry }: BundleRequest,
  originals: Map<string, string>,
): BunPlugin {
  return {
    name: "levain-locations",
    setup(builder) {
      builder.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: "file" }, async ({ path, loader }) => {
        const inside = relative(root, path);
        if (!SCRIPTS.has(loader) || inside.startsWith("..")) return;
        const text = await Bun.file(path).text();
        const contents = rewriteLocations(text, inside, kindOf(inside, entry));
        if (contents === null) return;
        originals.set(inside, text);
        return { contents, loader };
      });
    },
  };
}

function kindOf(path: string, entry: string): ModuleKind {
  if (path === entry) return "entry";
  return path.includes("node_modules/") ? "package" : "own";
}

/** `import … from "levain"` works in an app that has not installed it. */
function sdkPlugin(): BunPlugin {
  const own = Bun.resolveSync("levain", import.meta.dir);
  return {
    name: "levain-sdk",
    setup(builder) {
      builder.onResolve({ filter: /^levain$/ }, ({ importer }) => {
        try {
          return { path: Bun.resolveSync("levain", dirname(importer)) };
        } catch {
          return { path: own };
        }
      });
    },
  };
}

/** Puts right what the bundler wrote: paths of assets, sources of source maps. Gives the bundle's path. */
async function finish(
  request: BundleRequest,
  outputs: readonly PageOutput[],
  pages: readonly string[],
  originals: ReadonlyMap<string, string>,
): Promise<string> {
  const { entry, outdir } = request;
  const inside = (path: string) => relative(outdir, path);
  const bundlePath = entry.replace(/\.[^./]+$/, "").concat(".levain.js");
  const assets = new Map<string, string>();
  for (const { path, kind } of outputs) {
    if (kind !== "asset" || extname(path) === ".node") continue;
    const written = posix.relative(posix.dirname(bundlePath), inside(path));
    assets.set(written.startsWith(".") ? written : `./${written}`, inside(path));
  }
  const text = await Bun.file(join(outdir, bundlePath)).text();
  await Bun.write(join(outdir, bundlePath), locatePages(rewriteAssets(text, assets), pages));
  for (const { path, kind } of outputs) {
    // The others are of a page, without what was in it.
    if (kind !== "sourcemap") continue;
    if (path === join(outdir, `${bundlePath}.map`)) await mendSourceMap(path, request, originals);
    else await rm(path, { force: true });
  }
  return bundlePath;
}

/** Sources are named from `outdir`, but read from the map's folder; and they are what the person wrote. */
async function mendSourceMap(
  path: string,
  { root, outdir }: BundleRequest,
  originals: ReadonlyMap<string, string>,
): Promise<void> {
  const map = (await Bun.file(path).json()) as SourceMap;
  const sources = map.sources.map((source) => relative(root, join(outdir, source)));
  const contents = map.sourcesContent ?? [];
  map.sourcesContent = sources.map(
    (source, index) => originals.get(source) ?? contents[index] ?? null,
  );
  const folder = dirname(relative(outdir, path));
  map.sources = sources.map((source) => relative(folder, source));
  await Bun.write(path, JSON.stringify(map));
}

interface SourceMap {
  sources: string[];
  sourcesContent?: (string | null)[];
}

type BuildLog = Awaited<ReturnType<typeof Bun.build>>["logs"][number];

/** Names of packages that a dependency asks for and that are not installed: often optional, loaded in a `try`. */
function missingInPackages(logs: readonly BuildLog[]): string[] {
  const errors = logs.filter(({ level }) => level === "error");
  const missing = errors.flatMap((log) => {
    const name = specifierOf(log);
    const isInPackage = log.position?.file.includes("/node_modules/") ?? false;
    return name !== null && isInPackage && isBare(name) ? [name] : [];
  });
  return missing.length === errors.length ? [...new Set(missing)] : [];
}

function failureOf({ root }: BundleRequest, logs: readonly BuildLog[]): ChildResult {
  const errors = logs.filter(({ level }) => level === "error");
  const problems = errors.map((log) => describeLog(root, log));
  const [first] = problems;
  const missing = errors.map(specifierOf).find((name) => name !== null && isBare(name));
  if (missing !== undefined && missing !== null) {
    return {
      ok: false,
      problem: "module",
      message: first ?? missing,
      module: packageOf(missing),
      problems,
    };
  }
  return { ok: false, problem: "error", message: first ?? "the bundler gave no reason", problems };
}

function warningsOf(
  { root }: BundleRequest,
  logs: readonly BuildLog[],
  external: readonly string[],
): string[] {
  const missing = external.map(
    (name) => `a dependency asks for "${name}", which is not installed; it fails if it is used`,
  );
  const rest = logs.filter(({ level }) => level === "warning").map((log) => describeLog(root, log));
  return [...missing, ...rest].slice(0, bundleWarningsMax);
}

function specifierOf(log: BuildLog): string | null {
  return log.name === "ResolveMessage" ? (log as ResolveMessage).specifier : null;
}

/** Whether a specifier names a package and no file. */
function isBare(specifier: string): boolean {
  return !/^[./]|^[a-z]+:/.test(specifier);
}

/** `@scope/name` of `@scope/name/path`. */
function packageOf(specifier: string): string {
  const names = specifier.split("/");
  return names.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function describeLog(root: string, { message, position }: BuildLog): string {
  if (position === null || position === undefined) return message;
  return `${relative(root, position.file)}:${position.line}:${position.column} ${message}`;
}
