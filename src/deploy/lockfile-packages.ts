/**
 * What a lockfile says about each package's bytes, by `name@version`. Runs in the build's child: whatever is wrong with
 * a lockfile costs only what is read from it. Pure.
 */

export interface LockedPackage {
  integrity: string | null;
  /** Address of the archive; null when the lockfile leaves it to the registry. */
  resolved: string | null;
}

/** By `name@version`; empty for a lockfile that cannot be read. */
export function lockedPackages(file: string, text: string): Map<string, LockedPackage> {
  const found = new Map<string, LockedPackage>();
  try {
    const read = READERS[file];
    if (read !== undefined) read(text, found);
  } catch {
    // The install has gone by it already; integrity is then not known.
  }
  return found;
}

type Reader = (text: string, found: Map<string, LockedPackage>) => void;

const READERS: Readonly<Record<string, Reader>> = {
  "bun.lock": readBun,
  "package-lock.json": readNpm,
  "npm-shrinkwrap.json": readNpm,
  "pnpm-lock.yaml": readPnpm,
  "yarn.lock": readYarn,
};

/** `"key": ["name@version", registry, { … }, "sha512-…"]`; links and workspaces have no integrity. */
function readBun(text: string, found: Map<string, LockedPackage>): void {
  const { packages } = asRecord(Bun.JSONC.parse(text));
  for (const entry of Object.values(asRecord(packages))) {
    if (!Array.isArray(entry)) continue;
    const id = asText(entry[0]);
    const resolved = asText(entry[1]);
    if (id === null) continue;
    const integrity = asText(entry.at(-1));
    note(found, id, {
      integrity: integrity !== null && isIntegrity(integrity) ? integrity : null,
      resolved: resolved?.startsWith("http") === true ? resolved : null,
    });
  }
}

/** Version 2 and 3 list by folder; version 1 nests. */
function readNpm(text: string, found: Map<string, LockedPackage>): void {
  const { packages, dependencies } = asRecord(JSON.parse(text));
  for (const [path, value] of Object.entries(asRecord(packages))) {
    const at = path.lastIndexOf("node_modules/");
    if (at < 0) continue;
    const entry = asRecord(value);
    noteNpm(found, asText(entry["name"]) ?? path.slice(at + "node_modules/".length), entry);
  }
  const pending = [asRecord(dependencies)];
  for (let level = pending.pop(); level !== undefined; level = pending.pop()) {
    for (const [name, value] of Object.entries(level)) {
      const entry = asRecord(value);
      noteNpm(found, name, entry);
      if (entry["dependencies"] !== undefined) pending.push(asRecord(entry["dependencies"]));
    }
  }
}

function noteNpm(found: Map<string, LockedPackage>, name: string, entry: Record<string, unknown>) {
  const version = asText(entry["version"]);
  if (version === null) return;
  const resolved = asText(entry["resolved"]);
  note(found, `${name}@${version}`, {
    integrity: asText(entry["integrity"]),
    resolved: resolved?.startsWith("http") === true ? resolved : null,
  });
}

/** `packages: { "name@version(peers)": { resolution: { integrity } } }`; before version 9 with a `/` in front. */
function readPnpm(text: string, found: Map<string, LockedPackage>): void {
  const { packages } = asRecord(Bun.YAML.parse(text));
  for (const [key, value] of Object.entries(asRecord(packages))) {
    const resolution = asRecord(asRecord(value)["resolution"]);
    note(found, key.replace(/^\//, "").replace(/\(.*$/, ""), {
      integrity: asText(resolution["integrity"]),
      resolved: asText(resolution["tarball"]),
    });
  }
}

/** Version 1 has a syntax of its own, later ones are YAML with a checksum that is not of the archive. */
function readYarn(text: string, found: Map<string, LockedPackage>): void {
  for (const block of text.split(/\n(?=\S)/)) {
    const head = /^"?(@?[^@"\s]+)@/.exec(block)?.[1];
    const version = /^ {2}version:? "?([^"\s]+)"?$/m.exec(block)?.[1];
    if (head === undefined || version === undefined) continue;
    const resolved = /^ {2}resolved "([^"#]+)/m.exec(block)?.[1] ?? null;
    const integrity = /^ {2}integrity "?([^"\s]+)/m.exec(block)?.[1] ?? null;
    note(found, `${head}@${version}`, { integrity, resolved });
  }
}

function note(found: Map<string, LockedPackage>, id: string, locked: LockedPackage): void {
  if (found.get(id)?.integrity == null) found.set(id, locked);
}

function isIntegrity(text: string): boolean {
  return /^sha(1|256|384|512)-/.test(text);
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function asText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
