/**
 * The step of a build that makes files ready to be answered by the node: a child finds, hashes and encodes them
 * (`assets/prepare.ts`), here its list is checked and the rules are read, and both become the asset manifest.
 */
import { lstat, readdir, rm, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { z } from "zod";
import {
  type AssetFile,
  assetFolder,
  assetManifestPath,
  assetManifestText,
  ENCODINGS,
} from "../assets/asset-manifest.ts";
import type { AssetsConfig } from "../assets/assets-config.ts";
import { parseHeaders } from "../assets/header-rules.ts";
import { assetFilesMax, assetManifestBytesMax, rulesBytesMax } from "../assets/limits.ts";
import { type PreparedAssets, rowsFile } from "../assets/prepare.ts";
import { type ParsedRules, parseRedirects } from "../assets/redirect-rules.ts";
import { PlatformError } from "../base/errors.ts";
import type { AppConfig } from "./app-config.ts";
import type { ChildRequest, ChildResult } from "./child-result.ts";
import { clientUrls } from "./client-files.ts";
import type { FinishedBuild } from "./finish-build.ts";
import { listProjectFiles, moveInto, readPlain } from "./project-files.ts";

/** Where files are prepared, and by whom. */
export interface AssetRoom {
  project: string;
  /** Folder for what is made; empty, or with what the step before has left. */
  out: string;
  /** Carries out a task in a child. Never rejects for what went wrong in there. */
  run(request: ChildRequest): Promise<ChildResult>;
  /** Whether encodings are made for clients that take them. */
  encodes: boolean;
}

export interface AssetStepResult {
  /** Path of the manifest in the project, for `VersionSpec.assets`. */
  manifest: string;
  /** Paths in the project of what is answered, the manifest and the encodings among them. */
  paths: string[];
  files: number;
  /** Pages that are no file are answered with index.html. */
  spa: boolean;
}

const count = z.int().nonnegative();
const path = z.string().refine((text) => !text.startsWith("/") && !text.split("/").includes(".."));

const prepared = z.object({
  files: z
    .array(
      z.object({
        url: z.string().startsWith("/"),
        path,
        bytes: count,
        sha256: z.string().regex(/^[0-9a-f]{64}$/),
        type: z.string().regex(/^[!-~ ]*$/),
        isImmutable: z.boolean(),
        encodings: z.array(z.object({ name: z.enum(ENCODINGS), path, bytes: count })),
      }),
    )
    .max(assetFilesMax),
  hasScript: z.boolean(),
  warnings: z.array(z.string()),
}) satisfies z.ZodType<PreparedAssets>;

/** Which files are prepared: what the configuration says goes before what the build is known to leave. */
export function assetsOf(
  build: Pick<FinishedBuild, "folder" | "assets" | "client">,
  config: Pick<AppConfig, "assets">,
): AssetsConfig | null {
  const own = ownAssets(build, config);
  if (build.client === null) return own;
  // Without these its pages would not work, so `assets: false` does not concern them.
  const folders = { ...own?.folders, [clientUrls]: build.client };
  return own === null ? { folders, spa: false, cleanUrls: false } : { ...own, folders };
}

function ownAssets(
  { folder, assets: left }: Pick<FinishedBuild, "folder" | "assets">,
  { assets: given }: Pick<AppConfig, "assets">,
): AssetsConfig | null {
  if (given === false) return null;
  if (given === null) {
    if (left === null) return null;
    const { spa, cleanUrls } = left;
    // Pages of no framework say themselves what they are.
    return { folders: { "/": left.folder }, spa: spa ? true : null, cleanUrls };
  }
  const inside = ([path, name]: [string, string]) => [path, posix.join(folder, name)];
  return { ...given, folders: Object.fromEntries(Object.entries(given.folders).map(inside)) };
}

/**
 * Prepares the files of the asset folders; the project then has a manifest of them.
 *
 * @throws {PlatformError} `ASSETS_INVALID`
 */
export async function prepareAssets(
  { project, out: outdir, run, encodes }: AssetRoom,
  config: AssetsConfig,
  warnings: string[],
): Promise<AssetStepResult> {
  for (const folder of Object.values(config.folders)) {
    const facts = await lstat(join(project, folder)).catch(() => null);
    if (facts?.isDirectory()) continue;
    throw invalid(`there is no folder ${folder}; the build has not made it`);
  }
  const made = join(outdir, assetFolder);
  // The bundler has run code of the project's, which may have left something there.
  await rm(made, { recursive: true, force: true });
  const { folders } = config;
  const result = await run({ task: "assets", root: project, folders, outdir, encodes });
  if (!result.ok) throw invalid(result.message);
  if (!(await lstat(made).catch(() => null))?.isDirectory()) throw invalid("nothing was prepared");
  const found = await readRows(outdir, project);
  if (found.files.length === 0) throw invalid("the asset folders have no files");
  for (const message of found.warnings.slice(0, warningsMax)) warnings.push(message);

  const top = config.folders["/"];
  const redirects = await readRules(project, top, "_redirects", parseRedirects);
  const headers = await readRules(project, top, "_headers", parseHeaders);
  const { files } = found;
  const spa = config.spa ?? isSinglePage(found);
  if (spa && !files.some(({ url }) => url === "/index.html")) {
    throw invalid("a single-page app needs an index.html at the top of its folder");
  }
  const { cleanUrls } = config;
  const text = assetManifestText({ files, spa, cleanUrls, redirects, headers });
  if (Buffer.byteLength(text) > assetManifestBytesMax) {
    throw invalid(`their list has more than ${assetManifestBytesMax} bytes`);
  }
  await writeFile(join(outdir, assetManifestPath), text, { flag: "wx", mode: 0o644 });
  // What a project brings under our name is not ours.
  await rm(join(project, assetFolder), { recursive: true, force: true });
  await moveInto(outdir, project);
  const paths = files.flatMap((file) => [file.path, ...file.encodings.map(({ path }) => path)]);
  return {
    manifest: assetManifestPath,
    paths: [assetManifestPath, ...paths],
    files: files.length,
    spa,
  };
}

/** Warnings about single files that are passed on. Count. */
const warningsMax = 20;

/** Removes from a project all but these files: what visitors see is all that such an artifact has. */
export async function keepAssets(project: string, paths: readonly string[]): Promise<void> {
  const kept = new Set<string>();
  for (const path of paths) {
    const names = path.split("/");
    for (let depth = 1; depth <= names.length; depth += 1)
      kept.add(names.slice(0, depth).join("/"));
  }
  const pending = [""];
  for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
    for (const item of await readdir(join(project, folder), { withFileTypes: true })) {
      const itemPath = folder === "" ? item.name : `${folder}/${item.name}`;
      if (!kept.has(itemPath)) await rm(join(project, itemPath), { recursive: true, force: true });
      else if (item.isDirectory()) pending.push(itemPath);
    }
  }
}

/** The child's list; the project's files were read in there, so each row is looked at again. */
async function readRows(outdir: string, project: string): Promise<PreparedAssets> {
  const bytes = await readPlain(join(outdir, rowsFile), assetManifestBytesMax);
  await rm(join(outdir, rowsFile), { recursive: true, force: true });
  let rows: PreparedAssets;
  try {
    rows = prepared.parse(JSON.parse(bytes?.toString("utf8") ?? ""));
  } catch (error) {
    throw new PlatformError("ASSETS_INVALID", ["their list cannot be read"], { cause: error });
  }
  const made = await listProjectFiles(outdir);
  const own = await listProjectFiles(project);
  const isThere = ({ path, encodings }: AssetFile) =>
    own.has(path) && encodings.every((encoded) => made.has(encoded.path));
  if (!rows.files.every(isThere)) throw invalid("their list names files that do not exist");
  return rows;
}

async function readRules<Rule>(
  project: string,
  folder: string | undefined,
  name: string,
  parse: (text: string) => ParsedRules<Rule>,
): Promise<Rule[]> {
  if (folder === undefined) return [];
  const bytes = await readPlain(join(project, folder, name), rulesBytesMax);
  if (bytes === null) return [];
  const { rules, problems } = parse(bytes.toString("utf8"));
  if (problems.length === 0) return rules;
  const [first = ""] = problems;
  const more = problems.length === 1 ? "" : ` (and ${problems.length - 1} more)`;
  throw new PlatformError("ASSETS_INVALID", [`${name}, ${first}${more}`], { detail: { problems } });
}

/** One page, which has a script to route by, and none that says what is missing. */
function isSinglePage({ files, hasScript }: PreparedAssets): boolean {
  const pages = files.filter(({ url }) => /\.html?$/.test(url));
  return hasScript && pages.length === 1 && pages[0]?.url === "/index.html";
}

function invalid(what: string): PlatformError {
  return new PlatformError("ASSETS_INVALID", [what]);
}
