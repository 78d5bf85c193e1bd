/** Monorepos: which folders are workspaces, and which of them one needs. Pure. */
import { posix } from "node:path";
import type { Manifest } from "./framework.ts";

/** One workspace. */
export interface Workspace {
  /** Relative to the root, with `/`. */
  path: string;
  manifest: Manifest;
}

/** Patterns of a root's workspaces: those of package.json, else those of pnpm-workspace.yaml. Null: it is no root. */
export function workspacePatterns(manifest: Manifest, pnpmWorkspace: unknown): string[] | null {
  const { workspaces } = manifest;
  const given = Array.isArray(workspaces)
    ? workspaces
    : (packagesOf(workspaces) ?? packagesOf(pnpmWorkspace));
  if (given === null) return null;
  return given.filter((pattern) => typeof pattern === "string");
}

function packagesOf(value: unknown): unknown[] | null {
  const packages = (value as { packages?: unknown } | null | undefined)?.packages;
  return Array.isArray(packages) ? packages : null;
}

/** Whether the patterns, of which a later `!…` takes back, name a folder. */
export function isWorkspace(path: string, patterns: readonly string[]): boolean {
  let isNamed = false;
  for (const pattern of patterns) {
    const isExclusion = pattern.startsWith("!");
    const plain = posix.normalize(isExclusion ? pattern.slice(1) : pattern).replace(/\/$/, "");
    if (new Bun.Glob(plain).match(path)) isNamed = !isExclusion;
  }
  return isNamed;
}

/**
 * The workspaces that one depends on, each behind those that it depends on itself. Development dependencies count: they
 * are there when it is built. A circle is cut where it closes.
 */
export function dependenciesOf(path: string, workspaces: readonly Workspace[]): string[] {
  const byName = new Map(workspaces.map((workspace) => [workspace.manifest.name, workspace]));
  const found: string[] = [];
  const seen = new Set([path]);
  const visit = (workspace: Workspace) => {
    for (const name of namesOf(workspace.manifest)) {
      const next = byName.get(name);
      if (next === undefined || seen.has(next.path)) continue;
      seen.add(next.path);
      visit(next);
      found.push(next.path);
    }
  };
  const start = workspaces.find((workspace) => workspace.path === path);
  if (start !== undefined) visit(start);
  return found;
}

function namesOf(manifest: Manifest): string[] {
  return [
    manifest.dependencies,
    manifest.devDependencies,
    manifest.optionalDependencies,
    manifest.peerDependencies,
  ].flatMap((group) => (typeof group === "object" && group !== null ? Object.keys(group) : []));
}
