/** What changed between the packages of two versions, in so many words that a person reads them. Pure. */
import { z } from "zod";
import { packageChangesShownMax } from "./limits.ts";
import type { PackageList } from "./package-list.ts";

const counted = <Item extends z.ZodType>(item: Item) =>
  /** `total` counts also what is not named. */
  z.object({ total: z.int(), named: z.array(item) });

export const packageChanges = z.object({
  /** Version of the app that it is compared with. */
  since: z.int(),
  added: counted(z.object({ name: z.string(), version: z.string() })),
  removed: counted(z.object({ name: z.string(), version: z.string() })),
  /** Versions that are there no more, and those that are now; a package may be there in several. */
  changed: counted(z.object({ name: z.string(), from: z.string(), to: z.string() })),
  /** Packages that have lifecycle scripts now and had none; they were not run. */
  scripts: counted(
    z.object({ name: z.string(), version: z.string(), scripts: z.array(z.string()) }),
  ),
  /** Packages whose version is the same and whose bytes are not. */
  replaced: counted(z.object({ name: z.string(), version: z.string() })),
});

export type PackageChanges = z.infer<typeof packageChanges>;

/** @param since number of the version that `before` is of */
export function comparePackages(
  before: PackageList,
  after: PackageList,
  since: number,
): PackageChanges {
  const old = byName(before);
  const now = byName(after);
  const added = [...now].filter(([name]) => !old.has(name));
  const removed = [...old].filter(([name]) => !now.has(name));
  const changed = [...now].flatMap(([name, { versions }]) => {
    const past = old.get(name)?.versions;
    if (past === undefined) return [];
    const gone = [...past.keys()].filter((version) => !versions.has(version));
    const come = [...versions.keys()].filter((version) => !past.has(version));
    if (gone.length + come.length === 0) return [];
    return [{ name, from: listed(gone, past), to: listed(come, versions) }];
  });
  const replaced = [...now].flatMap(([name, { versions }]) =>
    [...versions].flatMap(([version, integrity]) => {
      const past = old.get(name)?.versions.get(version);
      return past != null && integrity !== null && past !== integrity ? [{ name, version }] : [];
    }),
  );
  const scripts = after.packages.filter(
    (item) => item.scripts.length > 0 && old.get(item.name)?.hasScripts !== true,
  );
  return {
    since,
    added: bounded(added.map(([name, { versions }]) => ({ name, version: joined(versions) }))),
    removed: bounded(removed.map(([name, { versions }]) => ({ name, version: joined(versions) }))),
    changed: bounded(changed),
    scripts: bounded(scripts.map(({ name, version, scripts }) => ({ name, version, scripts }))),
    replaced: bounded(replaced),
  };
}

/** Whether there is nothing to say. */
export function isUnchanged(changes: PackageChanges): boolean {
  const { added, removed, changed, scripts, replaced } = changes;
  return [added, removed, changed, scripts, replaced].every(({ total }) => total === 0);
}

interface Named {
  /** Integrity by version. */
  versions: Map<string, string | null>;
  hasScripts: boolean;
}

function byName({ packages }: PackageList): Map<string, Named> {
  const names = new Map<string, Named>();
  for (const { name, version, integrity, scripts, isLocal } of packages) {
    // Workspaces of the project are its own code.
    if (isLocal) continue;
    const named = names.get(name) ?? { versions: new Map(), hasScripts: false };
    named.versions.set(version, integrity);
    named.hasScripts ||= scripts.length > 0;
    names.set(name, named);
  }
  return names;
}

/** One of several versions may have gone, or come, alone. */
function listed(versions: readonly string[], all: ReadonlyMap<string, unknown>): string {
  return versions.length > 0 ? versions.join(", ") : joined(all);
}

function joined(versions: ReadonlyMap<string, unknown>): string {
  return [...versions.keys()].join(", ");
}

function bounded<Item>(items: Item[]): { total: number; named: Item[] } {
  return { total: items.length, named: items.slice(0, packageChangesShownMax) };
}
