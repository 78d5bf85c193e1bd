/**
 * Whose processes a build's are. A root node gives each app that is built a user of its own, which owns the app's package
 * cache; that is also how it is known again. Reading a configuration, before it is known whose it is, has a passing one.
 *
 *   builds/.cache/<app>/     for the user of that app's builds alone
 *
 * One cache for all would let one app's build put a package there that the next app's build takes for the registry's.
 */
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { invariant } from "../base/errors.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import { buildCachesMax } from "./limits.ts";

/** Below the ids of instances, above those of people and containers. See `sandbox/app-users.ts`. */
const firstId = 1_890_000_000;
/** Ids of one data directory. Count. */
const idsPerRange = 1_024;
/** Ranges below the ids of instances. Count. */
const ranges = 3_700;

export interface BuildUser extends Disposable {
  /** User and group id; null: the node's own. */
  uid: number | null;
  /** Folder of packages that were fetched before; null when it has none. */
  cache: string | null;
}

export class BuildUsers {
  readonly #caches: string;
  readonly #isRoot: boolean;
  readonly #first: number;
  /** Ids of configurations that are being read. */
  readonly #passing = new Set<number>();
  readonly #building = new Set<string>();

  /**
   * @param dataDir the same path for the same node, free of links
   * @param isRoot whether the node may give its builds other users
   */
  constructor(dataDir: string, isRoot = process.getuid?.() === 0) {
    this.#caches = join(dataDir, "builds", ".cache");
    this.#isRoot = isRoot;
    this.#first = firstId + (Number(Bun.hash.crc32(dataDir)) % ranges) * idsPerRange;
  }

  /** Whether a user id is one of this node's builds. */
  has(uid: number): boolean {
    return uid >= this.#first && uid < this.#first + idsPerRange;
  }

  /** The user of an app's build; dispose it when nothing of the build is left. An app has one build at a time. */
  ofApp(app: string): BuildUser {
    mkdirSync(this.#caches, { recursive: true });
    // Pass, not list, whoever has made it.
    chmodSync(this.#caches, this.#isRoot ? 0o711 : 0o700);
    const cache = join(this.#caches, app);
    const uid = this.#ownerOf(app) ?? this.#make(app);
    const now = new Date();
    utimesSync(cache, now, now);
    this.#building.add(app);
    this.#evict();
    return {
      uid: this.#isRoot ? uid : null,
      cache,
      [Symbol.dispose]: () => void this.#building.delete(app),
    };
  }

  /** A user for reading one configuration; dispose it when nothing of that is left. */
  passing(): BuildUser {
    if (!this.#isRoot) return { uid: null, cache: null, [Symbol.dispose]() {} };
    // From the end: those from the beginning are apps'.
    let uid = this.#first + idsPerRange - 1;
    while (this.#passing.has(uid)) uid -= 1;
    this.#passing.add(uid);
    return { uid, cache: null, [Symbol.dispose]: () => void this.#passing.delete(uid) };
  }

  /** Null when the app has no cache, or one that is not for its builds alone. */
  #ownerOf(app: string): number | null {
    const facts = statSync(join(this.#caches, app), { throwIfNoEntry: false });
    if (facts === undefined) return null;
    if (this.#isRoot && this.has(facts.uid)) return facts.uid;
    // The node's own: nobody else can have put anything there.
    if (facts.uid === process.getuid?.()) return this.#isRoot ? this.#give(app) : facts.uid;
    this.#discard(app);
    return null;
  }

  #make(app: string): number {
    mkdirSync(join(this.#caches, app), { mode: 0o700 });
    return this.#give(app);
  }

  /** Gives the app's cache to a user that has none. */
  #give(app: string): number {
    const used = new Set(this.#names().map((name) => this.#uidOf(name)));
    let uid = this.#first;
    while (used.has(uid)) uid += 1;
    invariant(this.has(uid), "there are fewer caches than ids");
    const cache = join(this.#caches, app);
    chmodSync(cache, 0o700);
    if (!this.#isRoot) return uid;
    for (const name of readdirSync(cache, { recursive: true, encoding: "utf8" })) {
      lchownSync(join(cache, name), uid, uid);
    }
    // Last: it says that all of it has been given.
    chownSync(cache, uid, uid);
    return uid;
  }

  /** Packages can be fetched again; the disk is what counts. */
  #evict(): void {
    const names = this.#names().filter((name) => !this.#building.has(name));
    const oldest = names
      .map((name) => ({ name, usedAtMs: statSync(join(this.#caches, name)).mtimeMs }))
      .sort((one, other) => one.usedAtMs - other.usedAtMs);
    const surplus = names.length + this.#building.size - buildCachesMax;
    for (const { name } of oldest.slice(0, Math.max(surplus, 0))) this.#discard(name);
  }

  /** Out of the way at once, so that its id is free; its files go by and by. */
  #discard(name: string): void {
    const gone = join(this.#caches, `.gone-${crypto.randomUUID()}`);
    renameSync(join(this.#caches, name), gone);
    void removeFolder(gone).catch(() => {});
  }

  #names(): string[] {
    return readdirSync(this.#caches).filter((name) => !name.startsWith("."));
  }

  #uidOf(name: string): number | undefined {
    return statSync(join(this.#caches, name), { throwIfNoEntry: false })?.uid;
  }
}
