/**
 * Finds what is installed for a project, by going from its package.json from one dependency to the next the way modules
 * are found: in the nearest `node_modules` upwards. So it does not matter which installer it was. Runs in the build's
 * child, held to reading the project: a package.json is written by strangers.
 */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import {
  packageListMax,
  packageManifestBytesMax,
  packageScriptsMax,
  packageTextCharactersMax,
} from "./limits.ts";
import { type LockedPackage, lockedPackages } from "./lockfile-packages.ts";
import type { InstalledPackage, PackageList } from "./package-list.ts";

/** Scripts that installers run without being asked. */
const LIFECYCLE_SCRIPTS = ["preinstall", "install", "postinstall"];

interface Found {
  /** Index in the order of discovery. */
  order: number;
  folder: string;
  package: InstalledPackage;
  uses: Set<Found>;
}

/**
 * @param root absolute path of the project's folder
 * @param folder of the app in it, whose package.json counts; default: the project itself
 * @param lockfile its name and text; null when there is none that can be read
 */
export function installedPackages(
  root: string,
  lockfile: { name: string; text: string } | null,
  folder = "",
): PackageList {
  const project = realpathSync(root);
  const locked = lockfile === null ? new Map() : lockedPackages(lockfile.name, lockfile.text);
  const walk = new Walk(project, locked);
  const from = join(project, folder);
  const manifest = readManifest(from) ?? {};
  const direct = new Set<Found>();
  for (const found of walk.all(from, productionNames(manifest), false)) direct.add(found);
  for (const found of walk.all(from, namesIn(manifest, "devDependencies"), true)) direct.add(found);
  return asList([...walk.found.values()], direct, walk.leftOut);
}

class Walk {
  /** By `name@version`. */
  readonly found = new Map<string, Found>();
  leftOut = 0;
  readonly #project: string;
  readonly #locked: ReadonlyMap<string, LockedPackage>;
  readonly #byFolder = new Map<string, Found | null>();

  constructor(project: string, locked: ReadonlyMap<string, LockedPackage>) {
    this.#project = project;
    this.#locked = locked;
  }

  /** What these names lead to from a folder, with all that is below it. */
  all(from: string, names: readonly string[], isDevelopment: boolean): Found[] {
    const direct: Found[] = [];
    const pending: Found[] = [];
    const visited = new Set<Found>();
    const take = (folder: string, name: string): Found | null => {
      const found = this.#resolve(folder, name, isDevelopment);
      if (found === null) return null;
      // A package that production needs too is not only for development.
      if (!isDevelopment) found.package.isDevelopment = false;
      if (!visited.has(found)) {
        visited.add(found);
        pending.push(found);
      }
      return found;
    };
    for (const name of names) {
      const found = take(from, name);
      if (found !== null) direct.push(found);
    }
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const name of productionNames(readManifest(next.folder) ?? {})) {
        const used = take(next.folder, name);
        if (used !== null && used !== next) next.uses.add(used);
      }
    }
    return direct;
  }

  #resolve(from: string, name: string, isDevelopment: boolean): Found | null {
    for (let folder = from; ; folder = dirname(folder)) {
      const place = placeOf(folder, name);
      if (place !== null && this.#isInside(place)) return this.#at(place, name, isDevelopment);
      if (folder === this.#project || folder === dirname(folder)) return null;
    }
  }

  #at(folder: string, name: string, isDevelopment: boolean): Found | null {
    const known = this.#byFolder.get(folder);
    if (known !== undefined) return known;
    const manifest = readManifest(folder);
    const found = manifest === null ? null : this.#note(folder, name, manifest, isDevelopment);
    this.#byFolder.set(folder, found);
    return found;
  }

  #note(
    folder: string,
    asked: string,
    manifest: Record<string, unknown>,
    isDevelopment: boolean,
  ): Found | null {
    // A package that is installed under another name is what it calls itself.
    const name = textOf(manifest["name"]) ?? textOf(asked);
    const version = textOf(manifest["version"]) ?? "";
    const id = `${name}@${version}`;
    const same = this.found.get(id);
    if (same !== undefined) return same;
    if (name === null || this.found.size >= packageListMax) {
      this.leftOut += 1;
      return null;
    }
    const locked = this.#locked.get(id);
    const isLocal = !folder.split(sep).includes("node_modules");
    const found: Found = {
      order: this.found.size,
      folder,
      uses: new Set(),
      package: {
        name,
        version,
        license: licenseOf(manifest),
        integrity: textOf(locked?.integrity),
        resolved: textOf(locked?.resolved),
        isDevelopment,
        isLocal,
        scripts: scriptsOf(manifest),
        uses: [],
      },
    };
    this.found.set(id, found);
    return found;
  }

  #isInside(folder: string): boolean {
    return !relative(this.#project, folder).startsWith("..");
  }
}

/** Names of the lifecycle scripts that a package.json declares. */
export function scriptsOf(manifest: Record<string, unknown>): string[] {
  const scripts = asRecord(manifest["scripts"]);
  return LIFECYCLE_SCRIPTS.filter((name) => typeof scripts[name] === "string").slice(
    0,
    packageScriptsMax,
  );
}

function asList(found: Found[], direct: ReadonlySet<Found>, leftOut: number): PackageList {
  const id = ({ package: { name, version } }: Found) => `${name}@${version}`;
  const sorted = found.toSorted((left, right) => (id(left) < id(right) ? -1 : 1));
  const places = new Map(sorted.map((item, place) => [item, place]));
  const placesOf = (items: Iterable<Found>) =>
    [...items].flatMap((item) => places.get(item) ?? []).sort((left, right) => left - right);
  return {
    format: 1,
    packages: sorted.map((item) => ({ ...item.package, uses: placesOf(item.uses) })),
    uses: placesOf(direct),
    leftOut,
  };
}

/** The real folder of a package that is in a folder's `node_modules`, or null. */
function placeOf(folder: string, name: string): string | null {
  if (!/^(@[^/\\]+\/)?[^/\\]+$/.test(name) || name.split("/").includes("..")) return null;
  try {
    const place = realpathSync(join(folder, "node_modules", name));
    return statSync(place).isDirectory() ? place : null;
  } catch {
    return null;
  }
}

function readManifest(folder: string): Record<string, unknown> | null {
  try {
    const path = join(folder, "package.json");
    const facts = statSync(path);
    if (!facts.isFile() || facts.size > packageManifestBytesMax) return null;
    return asRecord(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return null;
  }
}

function productionNames(manifest: Record<string, unknown>): string[] {
  return [
    ...namesIn(manifest, "dependencies"),
    ...namesIn(manifest, "optionalDependencies"),
    ...namesIn(manifest, "peerDependencies"),
  ];
}

function namesIn(manifest: Record<string, unknown>, key: string): string[] {
  return Object.keys(asRecord(manifest[key])).sort();
}

function licenseOf({ license, licenses }: Record<string, unknown>): string | null {
  const [first] = Array.isArray(licenses) ? licenses : [licenses];
  for (const said of [license, first]) {
    const text = textOf(said) ?? textOf(asRecord(said)["type"]);
    if (text !== null) return text;
  }
  return null;
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** What can be kept of a text; null for none. */
function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== ""
    ? value.slice(0, packageTextCharactersMax)
    : null;
}
