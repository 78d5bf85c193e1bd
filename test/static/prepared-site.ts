/** Folders of files as a build leaves them, for tests that ask an edge for them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { assetManifestPath, assetManifestText } from "../../src/assets/asset-manifest.ts";
import { parseHeaders } from "../../src/assets/header-rules.ts";
import { prepareFiles } from "../../src/assets/prepare.ts";
import { parseRedirects } from "../../src/assets/redirect-rules.ts";
import type { TestApp } from "../lane-for-tests.ts";

export interface SiteOptions {
  spa?: boolean;
  cleanUrls?: boolean;
  /** Text of `_redirects`. */
  redirects?: string;
  /** Text of `_headers`. */
  headers?: string;
  /** Modules of a process that answers what is no file; the first is started. */
  modules?: Record<string, string>;
}

export interface PreparedSite extends Disposable {
  /** For `startTestLane`. */
  app: TestApp;
  folder: string;
}

/** @param files bytes by path. Dispose it when nobody reads from it any more. */
export function prepareSite(
  files: Record<string, string | Uint8Array>,
  options: SiteOptions = {},
): PreparedSite {
  const { spa = false, cleanUrls = true, redirects = "", headers = "", modules = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), "levain-site-"));
  const write = (path: string, bytes: string | Uint8Array) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  };
  mkdirSync(join(folder, "public"));
  for (const [path, bytes] of Object.entries(files)) write(`public/${path}`, bytes);
  for (const [path, bytes] of Object.entries(modules)) write(path, bytes);
  const prepared = prepareFiles({
    task: "assets",
    root: folder,
    folders: { "/": "public" },
    outdir: folder,
  });
  const text = assetManifestText({
    files: prepared.files,
    spa,
    cleanUrls,
    redirects: parseRedirects(redirects).rules,
    headers: parseHeaders(headers).rules,
  });
  write(assetManifestPath, text);
  const [entry = null] = Object.keys(modules);
  return {
    app: { folder, entry, assets: assetManifestPath },
    folder,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
