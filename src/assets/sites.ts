/** The files of all versions that one edge process answers with: loaded when they are asked for first, and forgotten. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { AssetManifest } from "./asset-manifest.ts";
import { BodyCache } from "./body-cache.ts";
import { assetManifestBytesMax, siteRowsMax } from "./limits.ts";
import { Site } from "./site.ts";

export interface SitesOptions {
  /** Absolute path of a version's manifest, which lies two levels below its artifact's root. May throw. */
  manifestPath(spec: VersionSpec): string;
  /** See `BodyCache`. */
  cacheBytesMax?: number;
}

export class Sites {
  readonly bodies: BodyCache;
  readonly #manifestPath: SitesOptions["manifestPath"];
  readonly #sites = new Map<VersionSpec, Site>();
  #rows = 0;
  #turn = 0;

  constructor({ manifestPath, cacheBytesMax }: SitesOptions) {
    this.#manifestPath = manifestPath;
    this.bodies = new BodyCache(cacheBytesMax);
  }

  /**
   * Reads the manifest when it is asked for first, in this turn: 50 ms for 20,000 files.
   *
   * @param spec of a version with assets; always the same object
   * @throws {PlatformError} `ASSETS_UNREADABLE`
   */
  of(spec: VersionSpec): Site {
    const known = this.#sites.get(spec) ?? this.#load(spec);
    this.#turn += 1;
    known.usedAt = this.#turn;
    return known;
  }

  /** A version is gone; what is being sent goes on. */
  forget({ app, number }: Pick<VersionSpec, "app" | "number">): void {
    for (const spec of [...this.#sites.keys()]) {
      if (spec.app === app && spec.number === number) this.#drop(spec);
    }
  }

  /** Frees everything. Twice is safe. */
  close(): void {
    for (const spec of [...this.#sites.keys()]) this.#drop(spec);
    this.bodies.close();
  }

  #load(spec: VersionSpec): Site {
    const site = loadSite(spec, this.#manifestPath);
    while (this.#sites.size > 0 && this.#rows + site.rows > siteRowsMax) this.#dropOldest();
    this.#sites.set(spec, site);
    this.#rows += site.rows;
    return site;
  }

  #dropOldest(): void {
    let oldest: VersionSpec | null = null;
    let usedAt = Number.POSITIVE_INFINITY;
    for (const [spec, site] of this.#sites) {
      if (site.usedAt >= usedAt) continue;
      oldest = spec;
      usedAt = site.usedAt;
    }
    if (oldest !== null) this.#drop(oldest);
  }

  #drop(spec: VersionSpec): void {
    const site = this.#sites.get(spec);
    if (site === undefined) return;
    this.#sites.delete(spec);
    this.#rows -= site.rows;
    for (const form of site.asked()) this.bodies.forget(form);
  }
}

/** @throws {PlatformError} `ASSETS_UNREADABLE` */
export function loadSite(spec: VersionSpec, manifestPath: SitesOptions["manifestPath"]): Site {
  try {
    const path = manifestPath(spec);
    const manifest = JSON.parse(readManifest(path)) as AssetManifest;
    if (manifest.format !== 1) throw new Error(`its manifest has format ${manifest.format}`);
    const root = dirname(dirname(path));
    const { createdAtMs, entry } = spec;
    return new Site({ manifest, root, createdAtMs, hasProcess: entry !== null });
  } catch (error) {
    throw new PlatformError("ASSETS_UNREADABLE", [spec.app], { cause: error });
  }
}

function readManifest(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size > assetManifestBytesMax) throw new Error(`its manifest has ${size} bytes`);
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}

/** For an edge without artifacts: whatever is asked of it cannot be read. */
export const noSites = new Sites({
  manifestPath() {
    throw new Error("this edge has no artifacts");
  },
});
