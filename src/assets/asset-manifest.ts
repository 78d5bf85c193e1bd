/**
 * What the build says about the files that a node answers by itself: a row for each, and the rules for what is no file.
 * Lies in the artifact beside the encodings that were prepared:
 *
 *   .levain-assets/manifest.json       .levain-assets/<sha256>.br, .zst, .gz
 */
import type { HeaderRule } from "./header-rules.ts";
import type { RedirectRule } from "./redirect-rules.ts";

/** Folder of the artifact for what the build prepares. */
export const assetFolder = ".levain-assets";

/** Path of the manifest in the artifact; `VersionSpec.assets` of what has one. */
export const assetManifestPath = `${assetFolder}/manifest.json`;

/** Content codings that are prepared, the preferred one first when two are equally small. */
export const ENCODINGS = ["br", "zstd", "gzip"] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A file in the form that is sent with `content-encoding`. */
export interface EncodedFile {
  name: Encoding;
  /** In the artifact. */
  path: string;
  bytes: number;
}

export interface AssetFile {
  /** Path of its URL, not escaped: `/img/a b.png`. Unique. */
  url: string;
  /** In the artifact. */
  path: string;
  bytes: number;
  /** sha256 of the bytes, 64 hex digits. */
  sha256: string;
  /** Value of `content-type`. */
  type: string;
  /** Its name changes with its bytes, so that browsers need not ask again. */
  isImmutable: boolean;
  /** Those that are worth it, the smallest first. */
  encodings: EncodedFile[];
}

/** How paths that are no file are read. */
export interface AssetRules {
  /** Pages that are no file are answered with `/index.html`. */
  spa: boolean;
  /** `/about` is `/about.html`. */
  cleanUrls: boolean;
  redirects: RedirectRule[];
  headers: HeaderRule[];
}

export interface AssetManifest extends AssetRules {
  /** Of this format. */
  format: 1;
  /** Sorted by the bytes of their URLs. */
  files: AssetFile[];
}

/** The canonical text: the same files and rules give the same bytes. */
export function assetManifestText({ files, ...rules }: Omit<AssetManifest, "format">): string {
  const { spa, cleanUrls, redirects, headers } = rules;
  const sorted = files.toSorted((left, right) =>
    Buffer.compare(Buffer.from(left.url), Buffer.from(right.url)),
  );
  const rows = sorted.map((file) => JSON.stringify(file)).join(",\n");
  const head = JSON.stringify({ format: 1, spa, cleanUrls, redirects, headers });
  return `${head.slice(0, -1)},"files":[\n${rows}\n]}\n`;
}
