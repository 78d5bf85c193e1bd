/**
 * The work on asset files that takes time: finds them, hashes them and makes the encodings that clients can take. Runs in
 * a child of the build, held like the bundler, since the files are the project's and compressing is what hurts others.
 */
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, constants as zlib } from "node:zlib";
import { type AssetFile, assetFolder, type EncodedFile, type Encoding } from "./asset-manifest.ts";
import { contentType, isCompressible } from "./content-type.ts";
import { isHashedName } from "./hashed-name.ts";
import * as limits from "./limits.ts";

export interface PrepareRequest {
  task: "assets";
  /** Absolute path of the project's folder. */
  root: string;
  /** See `AssetsConfig`. */
  folders: Record<string, string>;
  /** Absolute path of an empty folder, for what is made. */
  outdir: string;
  /** False: no encodings, which take most of the time. Default true. */
  encodes?: boolean;
}

/** Name of the file in `outdir` that lists what was found. */
export const rowsFile = "assets.json";

/** What is written to `rowsFile`. */
export interface PreparedAssets {
  files: AssetFile[];
  /** Some page has a script; pages without one route nothing by themselves. */
  hasScript: boolean;
  warnings: string[];
}

/** Of a whole project's folder: what says how it is built and is nothing for visitors. */
const PROJECT_FILES =
  /^(levain\.config\.(ts|json)|package(-lock)?\.json|bun\.lockb?|yarn\.lock|pnpm-lock\.yaml|pnpm-workspace\.yaml|npm-shrinkwrap\.json|bunfig\.toml|tsconfig[^/]*\.json)$/;

/** Files that say how others are answered. */
const RULE_FILES = ["_redirects", "_headers"];

/** @throws {Error} what is wrong, for a person */
export function prepareFiles({
  root,
  folders,
  outdir,
  encodes = true,
}: PrepareRequest): PreparedAssets {
  const warnings: string[] = [];
  const found = new Map<string, string>();
  for (const [prefix, folder] of Object.entries(folders)) {
    const isProject = folder === ".";
    for (const path of filesOf(join(root, folder), isProject, warnings)) {
      const url = prefix + path;
      if (found.has(url)) throw new Error(`${url} is in two of the asset folders`);
      found.set(url, isProject ? path : `${folder}/${path}`);
      if (found.size > limits.assetFilesMax) {
        throw new Error(`the asset folders have more than ${limits.assetFilesMax} files`);
      }
    }
  }
  mkdirSync(join(outdir, assetFolder), { recursive: true });
  let hasScript = false;
  const files = [...found].map(([url, path]) => {
    const { file, bytes } = rowOf(root, encodes ? outdir : null, url, path);
    if (file.type.startsWith("text/html")) hasScript ||= bytes.includes("<script");
    return file;
  });
  return { files, hasScript, warnings };
}

/** Paths below a folder; links are not followed, so nothing outside of it is found. */
function filesOf(folder: string, isProject: boolean, warnings: string[]): string[] {
  const paths: string[] = [];
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const item of readdirSync(join(folder, path), { withFileTypes: true })) {
      const itemPath = path === "" ? item.name : `${path}/${item.name}`;
      if (isHidden(itemPath, isProject && path === "")) continue;
      if (item.isDirectory()) pending.push(itemPath);
      else if (!item.isFile()) {
        warnings.push(`${itemPath} is a link or no file, and is not served`);
      } else if (Buffer.byteLength(itemPath) > limits.assetPathBytesMax) {
        warnings.push(
          `${itemPath.slice(0, 100)}… has more than ${limits.assetPathBytesMax} bytes in its name, and is not served`,
        );
      } else if (itemPath.includes("\uFFFD") || itemPath.includes("\\")) {
        warnings.push(`${itemPath} has a name that no URL can have, and is not served`);
      } else paths.push(itemPath);
    }
  }
  return paths;
}

function isHidden(path: string, isTopOfProject: boolean): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name.startsWith(".")) return path !== ".well-known";
  if (name === "node_modules") return true;
  if (isTopOfProject && PROJECT_FILES.test(name)) return true;
  return RULE_FILES.includes(path);
}

/** @param outdir for encodings; null: none are made */
function rowOf(root: string, outdir: string | null, url: string, path: string) {
  // A link that has taken the place of a file meanwhile is not followed.
  const fd = openSync(
    join(root, path),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const facts = fstatSync(fd);
    if (!facts.isFile()) throw new Error(`${path} is not a file any more`);
    const isSmall = facts.size <= limits.preparedBytesMax;
    const bytes = isSmall ? readFileSync(fd) : headOf(fd);
    const sha256 = isSmall
      ? new Bun.CryptoHasher("sha256").update(bytes).digest("hex")
      : hashOf(fd);
    const name = url.slice(url.lastIndexOf("/") + 1);
    const type = contentType(name, bytes);
    const mayPrepare =
      outdir !== null && isSmall && bytes.length >= limits.preparedBytesMin && isCompressible(type);
    const file: AssetFile = {
      url,
      path,
      bytes: isSmall ? bytes.length : facts.size,
      sha256,
      type,
      isImmutable: isHashedName(url),
      encodings: mayPrepare ? encodingsOf(bytes, sha256, outdir) : [],
    };
    return { file, bytes };
  } finally {
    closeSync(fd);
  }
}

/** The first bytes. */
function headOf(fd: number): Buffer {
  const head = Buffer.alloc(64 * 1024);
  return head.subarray(0, readSync(fd, head, 0, head.length, 0));
}

function hashOf(fd: number): string {
  const hasher = new Bun.CryptoHasher("sha256");
  const piece = Buffer.allocUnsafe(1024 * 1024);
  let at = 0;
  for (;;) {
    const bytesRead = readSync(fd, piece, 0, piece.length, at);
    if (bytesRead === 0) return hasher.digest("hex");
    hasher.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
}

/** Writes what is worth it. Files of the same bytes share theirs. */
function encodingsOf(bytes: Buffer, sha256: string, outdir: string): EncodedFile[] {
  const most = bytes.length * (1 - limits.preparedGainMin);
  const made: EncodedFile[] = [];
  for (const [name, ending, encode] of ENCODERS) {
    const encoded = encode(bytes);
    if (encoded.length > most) continue;
    const path = `${assetFolder}/${sha256}.${ending}`;
    writeFileSync(join(outdir, path), encoded);
    made.push({ name, path, bytes: encoded.length });
  }
  return made.sort((left, right) => left.bytes - right.bytes);
}

const ENCODERS: readonly (readonly [Encoding, string, (bytes: Buffer) => Uint8Array])[] = [
  [
    "br",
    "br",
    (bytes) =>
      brotliCompressSync(bytes, {
        params: {
          [zlib.BROTLI_PARAM_QUALITY]: bytes.length <= limits.slowBrotliBytesMax ? 11 : 9,
          [zlib.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        },
      }),
  ],
  [
    "zstd",
    "zst",
    (bytes) =>
      Bun.zstdCompressSync(bytes, { level: bytes.length <= limits.slowZstdBytesMax ? 19 : 9 }),
  ],
  // Without a date, so that the same bytes give the same bytes.
  ["gzip", "gz", (bytes) => gzipSync(bytes, { level: 9 })],
];
