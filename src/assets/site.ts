/**
 * The files of one version as an edge answers with them: where a path leads, and what stands in the answer's head.
 * Looking up is by the rows of the manifest, never by a path of the file system. Pure, but for what it remembers.
 */
import type { AssetFile, AssetManifest, Encoding } from "./asset-manifest.ts";
import { headersFor } from "./header-rules.ts";
import { derivedPathCharactersMax, derivedPathsMax } from "./limits.ts";
import { isPlain } from "./path-pattern.ts";
import { type RedirectRule, redirectOf } from "./redirect-rules.ts";
import { escapedPath, unescapedPath } from "./request-path.ts";

/** One form of a file. What an edge keeps of its bytes hangs on it. */
export class Representation {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly coding: Encoding | "identity";
  /** With its quotes; strong, so another one for each form. */
  readonly etag: string;
  /** In memory: room for a head, then the bytes; null when they were not read, or not kept. */
  body: Buffer | null = null;
  /** It was asked for since somebody looked for what to drop. */
  isUsed = false;

  constructor(path: string, bytes: number, coding: Encoding | "identity", etag: string) {
    this.path = path;
    this.bytes = bytes;
    this.coding = coding;
    this.etag = etag;
  }
}

/** A file under one path, with what its answers say. */
export class Page {
  readonly file: AssetFile;
  /** The smallest first, the plain one last. */
  readonly representations: readonly Representation[];
  readonly lastModified: string;
  readonly #shared: string;
  readonly #type: string;
  readonly #varies: string;
  readonly #blocks = new Map<string, Buffer>();

  constructor(
    file: AssetFile,
    representations: readonly Representation[],
    lastModified: string,
    rules: ReadonlyMap<string, string | null>,
    isByAim: boolean,
  ) {
    this.file = file;
    this.representations = representations;
    this.lastModified = lastModified;
    const lines = new Map<string, string | null>([
      ["cache-control", file.isImmutable ? immutable : revalidated],
      ["x-content-type-options", "nosniff"],
    ]);
    for (const [name, value] of rules) lines.set(name, value);
    const type = lines.get("content-type");
    lines.delete("content-type");
    this.#type = type === null ? "" : `content-type: ${type ?? file.type}\r\n`;
    this.#shared = linesOf(lines);
    const varies = [
      ...(representations.length > 1 ? ["accept-encoding"] : []),
      // Whether a page is meant is read from these.
      ...(isByAim ? ["accept", "sec-fetch-mode"] : []),
    ];
    this.#varies = varies.length === 0 ? "" : `vary: ${varies.join(", ")}\r\n`;
  }

  /** Header lines of the whole file. */
  block(of: Representation): Buffer {
    return this.#block(of.coding, () => this.#whole(of));
  }

  /** Of an answer that there is nothing new. */
  unchangedBlock(of: Representation): Buffer {
    return this.#block(
      `304 ${of.coding}`,
      () => this.#validators(of) + this.#shared + this.#varies,
    );
  }

  /** Of a file that stands for one that is not there: nothing to come back to, or to take parts of. */
  missingBlock(of: Representation): Buffer {
    return this.#block(`404 ${of.coding}`, () => this.#form(of) + this.#shared + this.#varies);
  }

  /** Of a part. Not kept. */
  rangeBlock(of: Representation, start: number, end: number): Buffer {
    const range = `content-range: bytes ${start}-${end - 1}/${of.bytes}\r\n`;
    return Buffer.from(this.#whole(of) + range, "latin1");
  }

  #whole(of: Representation): string {
    return `${this.#form(of)}${this.#validators(of)}accept-ranges: bytes\r\n${this.#shared}${this.#varies}`;
  }

  #form({ coding }: Representation): string {
    return coding === "identity" ? this.#type : `${this.#type}content-encoding: ${coding}\r\n`;
  }

  #validators({ etag }: Representation): string {
    return `etag: ${etag}\r\nlast-modified: ${this.lastModified}\r\n`;
  }

  #block(key: string, make: () => string): Buffer {
    let block = this.#blocks.get(key);
    if (block === undefined) {
      block = Buffer.from(make(), "latin1");
      this.#blocks.set(key, block);
    }
    return block;
  }
}

/** Another URL that the client is sent to. */
export interface Detour {
  status: 301 | 302 | 303 | 307 | 308;
  location: string;
  block: Buffer;
}

/** What a path leads to. `missing`: to a file that says that there is none. */
export type Found =
  | { kind: "page"; page: Page }
  | { kind: "missing"; page: Page }
  | { kind: "detour"; detour: Detour }
  | { kind: "malformed" };

export interface SiteOptions {
  manifest: AssetManifest;
  /** Absolute path of the artifact. */
  root: string;
  /** Of the version. Wall-clock milliseconds. */
  createdAtMs: number;
  /** Something else answers what is no file. */
  hasProcess: boolean;
}

export class Site {
  /** When it was asked for last; whoever has it decides in which unit. */
  usedAt = 0;
  readonly rows: number;
  readonly #manifest: AssetManifest;
  readonly #root: string;
  readonly #lastModified: string;
  readonly #hasProcess: boolean;
  readonly #files = new Map<string, AssetFile>();
  readonly #representations = new Map<AssetFile, readonly Representation[]>();
  /** By the path as it was sent: what leads to a file as it is. */
  readonly #pages = new Map<string, Found>();
  /** By the same, what was worked out; the oldest are forgotten. */
  readonly #derived = new Map<string, Found | null>();
  readonly #standIns = new Map<string, Page>();
  readonly #forced: RedirectRule[];
  readonly #forcedPlain: boolean;
  readonly #unforced: RedirectRule[];

  constructor({ manifest, root, createdAtMs, hasProcess }: SiteOptions) {
    this.#manifest = manifest;
    this.#root = root;
    this.#hasProcess = hasProcess;
    this.#lastModified = new Date(createdAtMs).toUTCString();
    this.rows = manifest.files.length;
    for (const file of manifest.files) this.#files.set(file.url, file);
    this.#forced = manifest.redirects.filter(({ isForced }) => isForced);
    this.#unforced = manifest.redirects.filter(({ isForced }) => !isForced);
    this.#forcedPlain = this.#forced.every(({ from }) => isPlain(from));
  }

  /** Every form of a file that was asked for. */
  *asked(): Iterable<Representation> {
    for (const all of this.#representations.values()) yield* all;
  }

  /** @param target of the request, with its query */
  find(target: string): Found | null {
    const mark = target.indexOf("?");
    const path = mark === -1 ? target : target.slice(0, mark);
    const known = this.#pages.get(path);
    if (known !== undefined) return known;
    const query = mark === -1 ? "" : target.slice(mark);
    // What a query is added to is not remembered.
    const derived = query === "" ? this.#derived.get(path) : undefined;
    if (derived !== undefined) return derived;
    const found = this.#look(path, query);
    const isStable = found?.kind === "page" && this.#mayKeep(path);
    if (isStable) this.#pages.set(path, found);
    else if (query === "") this.#remember(path, found);
    return found;
  }

  /** What a page is answered with that is no file: the app's own page; null when it has none. */
  fallback(target: string): Page | null {
    if (!this.#manifest.spa) return null;
    const file = this.#files.get("/index.html");
    return file === undefined ? null : this.#standIn(file, pathOf(target));
  }

  /** The `404.html` that is nearest. */
  missing(target: string): Page | null {
    const plain = unescapedPath(pathOf(target));
    const folders = (plain === "malformed" ? null : plain)?.split("/").slice(1, -1) ?? [];
    for (let depth = folders.length; depth >= 0; depth -= 1) {
      const folder = folders.slice(0, depth).map((name) => `/${name}`);
      const file = this.#files.get(`${folder.join("")}/404.html`);
      if (file !== undefined) return this.#standIn(file, pathOf(target));
    }
    return null;
  }

  #look(path: string, query: string): Found | null {
    const forced = this.#redirected(this.#forced, path, query);
    if (forced !== null) return forced;
    const plain = unescapedPath(path);
    if (plain === "malformed") return this.#hasProcess ? null : { kind: "malformed" };
    const file = plain === null ? null : this.#fileOf(plain);
    if (file !== null) return { kind: "page", page: this.#page(file, path, false) };
    const ruled = this.#redirected(this.#unforced, path, query);
    if (ruled !== null || plain === null || this.#hasProcess) return ruled;
    const elsewhere = this.#otherSpelling(plain);
    if (elsewhere === null) return null;
    return this.#detour(308, escapedPath(elsewhere) + query, path);
  }

  /** The file that is answered with under this very path. */
  #fileOf(plain: string): AssetFile | null {
    const { cleanUrls } = this.#manifest;
    if (plain.endsWith("/")) return this.#files.get(`${plain}index.html`) ?? null;
    const exact = this.#files.get(plain);
    if (exact !== undefined && (this.#hasProcess || this.#cleaner(plain) === null)) return exact;
    if (!cleanUrls || exact !== undefined) return null;
    return this.#files.get(`${plain}.html`) ?? null;
  }

  /** The path under which a page is known, when this is another one; else null. */
  #cleaner(plain: string): string | null {
    if (plain.endsWith("/index.html")) return plain.slice(0, -"index.html".length);
    if (!this.#manifest.cleanUrls || !plain.endsWith(".html")) return null;
    // What says that a page is missing is asked for by that name.
    if (plain.endsWith("/404.html")) return null;
    const clean = plain.slice(0, -".html".length);
    return this.#files.has(clean) || clean.endsWith("/") ? null : clean;
  }

  #otherSpelling(plain: string): string | null {
    if (this.#files.has(plain)) return this.#cleaner(plain);
    if (!plain.endsWith("/")) return this.#files.has(`${plain}/index.html`) ? `${plain}/` : null;
    const bare = plain.slice(0, -1);
    if (bare === "") return null;
    const isFile =
      this.#files.has(bare) || (this.#manifest.cleanUrls && this.#files.has(`${bare}.html`));
    return isFile ? bare : null;
  }

  #redirected(rules: readonly RedirectRule[], path: string, query: string): Found | null {
    if (rules.length === 0) return null;
    const redirected = redirectOf(rules, path, query);
    if (redirected === null) return null;
    const { status, to } = redirected;
    if (status !== 200 && status !== 404) return this.#detour(status, to, path);
    const plain = unescapedPath(pathOf(to));
    if (plain === null || plain === "malformed") return null;
    // A rule may name the file or the path under which it is known.
    const file = this.#files.get(plain) ?? this.#fileOf(plain);
    if (file === null) return null;
    return { kind: status === 200 ? "page" : "missing", page: this.#page(file, path, false) };
  }

  #detour(status: Detour["status"], location: string, path: string): Found {
    const lines = new Map<string, string | null>([
      ["location", location],
      ["cache-control", revalidated],
      ["x-content-type-options", "nosniff"],
    ]);
    for (const [name, value] of headersFor(this.#manifest.headers, path)) {
      if (name !== "content-type") lines.set(name, value);
    }
    const block = Buffer.from(linesOf(lines), "latin1");
    return { kind: "detour", detour: { status, location, block } };
  }

  #page(file: AssetFile, path: string, isFallback: boolean): Page {
    let forms = this.#representations.get(file);
    if (forms === undefined) {
      forms = representationsOf(file, this.#root);
      this.#representations.set(file, forms);
    }
    const rules = headersFor(this.#manifest.headers, path);
    const isByAim = isFallback && this.#manifest.spa;
    return new Page(file, forms, this.#lastModified, rules, isByAim);
  }

  #standIn(file: AssetFile, path: string): Page {
    // Without rules it is the same for all paths.
    const key = this.#manifest.headers.length === 0 ? file.url : `${file.url} ${path}`;
    let page = this.#standIns.get(key);
    if (page === undefined) {
      page = this.#page(file, path, true);
      if (path.length > derivedPathCharactersMax) return page;
      if (this.#standIns.size >= derivedPathsMax) this.#standIns.clear();
      this.#standIns.set(key, page);
    }
    return page;
  }

  /** Whether there are no more such paths than files: without rules that lead many paths to one. */
  #mayKeep(path: string): boolean {
    const plain = unescapedPath(path);
    if (plain === null || plain === "malformed" || this.#fileOf(plain) === null) return false;
    // One file has many spellings with needless escapes.
    return escapedPath(plain) === path && (this.#forced.length === 0 || this.#forcedPlain);
  }

  #remember(path: string, found: Found | null): void {
    if (path.length > derivedPathCharactersMax) return;
    if (this.#derived.size >= derivedPathsMax) this.#derived.clear();
    this.#derived.set(path, found);
  }
}

const immutable = "public, max-age=31536000, immutable";
const revalidated = "public, max-age=0, must-revalidate";

function representationsOf(file: AssetFile, root: string): Representation[] {
  const tag = Buffer.from(file.sha256, "hex").subarray(0, 16).toString("base64url");
  const encoded = file.encodings.map(
    ({ name, path, bytes }) =>
      new Representation(`${root}/${path}`, bytes, name, `"${tag}-${name}"`),
  );
  return [
    ...encoded,
    new Representation(`${root}/${file.path}`, file.bytes, "identity", `"${tag}"`),
  ];
}

function linesOf(lines: ReadonlyMap<string, string | null>): string {
  let text = "";
  for (const [name, value] of lines) {
    for (const one of value?.split("\n") ?? []) text += `${name}: ${one}\r\n`;
  }
  return text;
}

function pathOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? target : target.slice(0, mark);
}
