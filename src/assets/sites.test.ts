import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import {
  type AssetFile,
  assetFolder,
  assetManifestPath,
  assetManifestText,
} from "./asset-manifest.ts";
import { siteRowsMax } from "./limits.ts";
import { Sites } from "./sites.ts";

const root = mkdtempSync(join(tmpdir(), "levain-sites-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const manifestPath = ({ digest, assets }: VersionSpec) => join(digest, assets ?? "");

/** A version with so many files. */
function version(app: string, files: number, text?: string): VersionSpec {
  const folder = join(root, app);
  mkdirSync(join(folder, assetFolder), { recursive: true });
  const rows = Array.from({ length: files }, (_, index): AssetFile => {
    const name = `${index}.txt`;
    const file = { bytes: 1, sha256: "0".repeat(64), type: "text/plain", isImmutable: false };
    return { url: `/${name}`, path: name, encodings: [], ...file };
  });
  const rules = { spa: false, cleanUrls: true, redirects: [], headers: [] };
  const manifest = text ?? assetManifestText({ files: rows, ...rules });
  writeFileSync(join(folder, assetManifestPath), manifest);
  return testSpec({ app, digest: folder, entry: null, assets: assetManifestPath });
}

test("a version is loaded once, and again when it was forgotten", () => {
  const sites = new Sites({ manifestPath });
  const spec = version("a", 3);

  const first = sites.of(spec);
  expect(sites.of(spec)).toBe(first);
  sites.forget({ app: "a", number: 1 });

  expect(sites.of(spec)).not.toBe(first);
});

test("no more rows are in memory than the bound; who was not asked for longest goes first", () => {
  const sites = new Sites({ manifestPath });
  const half = Math.ceil(siteRowsMax / 2);
  const [a, b, c] = [version("a", half), version("b", half), version("c", half)];
  const [first, second] = [sites.of(a), sites.of(b)];
  sites.of(a);

  sites.of(c);

  expect(sites.of(a)).toBe(first);
  expect(sites.of(b)).not.toBe(second);
});

test("a manifest that cannot be read is an error each time, and serves when it can", () => {
  const sites = new Sites({ manifestPath });
  const code = (spec: VersionSpec) => {
    try {
      return sites.of(spec) && "loaded";
    } catch (error) {
      return (error as PlatformError).code;
    }
  };
  const spec = version("broken", 1, "{");
  const linked = version("linked", 1);
  rmSync(join(linked.digest, assetManifestPath));
  symlinkSync(join(root, "a", assetManifestPath), join(linked.digest, assetManifestPath));

  expect(code(spec)).toBe("ASSETS_UNREADABLE");
  expect(code(version("newer", 1, '{"format":2}'))).toBe("ASSETS_UNREADABLE");
  expect(code(linked)).toBe("ASSETS_UNREADABLE");
  version("broken", 1);
  expect(code(spec)).toBe("loaded");
});
