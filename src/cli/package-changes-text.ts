/** What a deploy says of packages that have changed since the live version, a line each and bounded. Pure. */
import { versionName } from "../base/version-spec.ts";
import type { PackageChanges } from "../deploy/package-changes.ts";
import { printableLine } from "./printable.ts";

/** Packages named of each kind; `--json` has more. Count. */
const namedMax = 5;

/** Empty when nothing has changed. A line begins with `!` when somebody should look. */
export function packageChangeLines(changes: PackageChanges): string[] {
  const { since, added, removed, changed, scripts, replaced } = changes;
  const ids = (items: readonly { name: string; version: string }[]) =>
    items.map(({ name, version }) => `${name} ${version}`);
  const updates = changed.named.map(({ name, from, to }) => `${name} ${from} → ${to}`);
  const kinds: [string, string, readonly string[], number][] = [
    ["+", "added", ids(added.named), added.total],
    ["-", "removed", ids(removed.named), removed.total],
    ["~", "changed", updates, changed.total],
    [
      "!",
      "with lifecycle scripts, which were not run",
      scripts.named.map(({ name, scripts }) => `${name} (${scripts.join(", ")})`),
      scripts.total,
    ],
    ["!", "with other bytes under the same version", ids(replaced.named), replaced.total],
  ];
  const lines = kinds.flatMap(([mark, what, names, total]) => {
    if (total === 0) return [];
    const shown = names.slice(0, namedMax);
    const rest = total - shown.length;
    const more = rest > 0 ? `, and ${rest} more` : "";
    return [`${mark} ${total} ${what}: ${printableLine(shown.join(", "))}${more}`];
  });
  return lines.length === 0 ? [] : [`packages since ${versionName(since)}:`, ...lines];
}
