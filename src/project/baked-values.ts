/**
 * Environment values that a build writes into pages: names with a framework's public prefix, where the source reads them.
 * A value of a computed name is not found. Pure.
 */

/** What the sources read, and where first. */
export type BakedNames = ReadonlyMap<string, string>;

/** Files that may read them. */
export const SCRIPT_FILE = /\.(?:[cm]?[jt]sx?|vue|svelte|astro|html)$/;

/**
 * @param sources text by path
 * @param prefixes of the framework; none: nothing is found
 */
export function findBakedNames(
  sources: Iterable<readonly [path: string, text: string]>,
  prefixes: readonly string[],
): BakedNames {
  const found = new Map<string, string>();
  if (prefixes.length === 0) return found;
  const name = `(?:${prefixes.join("|")})[A-Za-z0-9_]+`;
  const reads = new RegExp(
    `\\b(?:process|import\\.meta)\\.env(?:\\?\\.|\\.|\\[\\s*["'\`])(${name})\\b|%(${name})%`,
    "g",
  );
  // SvelteKit: import { PUBLIC_URL } from "$env/static/public".
  const imports = /import\s*\{([^}]*)\}\s*from\s*["']\$env\/static\/public["']/g;
  for (const [path, text] of sources) {
    for (const [, read, inPage] of text.matchAll(reads)) note(read ?? inPage ?? "", path);
    for (const [, names = ""] of text.matchAll(imports)) {
      for (const part of names.split(",")) note(part.trim().split(/\s+as\s+/)[0] ?? "", path);
    }
  }
  return found;

  function note(read: string, path: string): void {
    if (read !== "" && !found.has(read)) found.set(read, path);
  }
}

/**
 * What to say of them, in sentences.
 *
 * @param set names that the build has values of
 * @param running names that the app has when it runs
 */
export function describeBakedNames(
  names: BakedNames,
  set: ReadonlySet<string>,
  running: ReadonlySet<string>,
): string[] {
  const missing = [...names]
    .filter(([name]) => !set.has(name))
    .map(([name, path]) => {
      const but = running.has(name) ? "is set for the app, but not for builds" : "has no value";
      return `${path} reads ${name} when pages are built, and it ${but}: \`levain env set ${name}=… --build\``;
    });
  const baked = [...names.keys()].filter((name) => set.has(name));
  if (baked.length === 0) return missing;
  const values = baked.length === 1 ? "its value is" : "their values are";
  return [
    ...missing,
    `${baked.join(", ")}: ${values} written into the pages, for everybody to read; a change takes a deploy, not a promote`,
  ];
}
