/**
 * Where a deploy of a folder begins: at the folder itself, or at the root of the monorepo whose workspace it is. Of a
 * monorepo what the workspace needs is packed, and the package.json of every workspace, which the lockfile goes by.
 */
import { readdir } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Manifest } from "../project/framework.ts";
import {
  dependenciesOf,
  isWorkspace,
  type Workspace,
  workspacePatterns,
} from "../project/workspaces.ts";
import { sourceDepthMax, workspacesMax } from "./limits.ts";
import { readManifest, readSmall } from "./project-files.ts";

export interface DeploySource {
  /** What is packed. Absolute path. */
  root: string;
  /** Folder of the app, relative to it; null when they are the same. */
  workspace: string | null;
  /** Workspaces that it depends on, in the order of their builds. */
  dependsOn: string[];
  /** Whether a file is packed. */
  isWanted(path: string): boolean;
}

/** @param folder absolute path. @throws {PlatformError} `BUILD_FAILED` for a package.json that is none */
export async function findDeploySource(folder: string): Promise<DeploySource> {
  for (let root = dirname(folder); root !== dirname(root); root = dirname(root)) {
    const patterns = await patternsOf(root);
    if (patterns === null) continue;
    const workspace = relative(root, folder).split(sep).join("/");
    if (!isWorkspace(workspace, patterns)) break;
    const all = await listWorkspaces(root, patterns);
    const dependsOn = dependenciesOf(workspace, all);
    const needed = new Set([workspace, ...dependsOn]);
    const others = all.map(({ path }) => path).filter((path) => !needed.has(path));
    return {
      root,
      workspace,
      dependsOn,
      isWanted: (path) => {
        const other = others.find((name) => path.startsWith(`${name}/`));
        if (other === undefined) return true;
        // A workspace may lie inside another one.
        if ([...needed].some((name) => name.startsWith(`${other}/`) && path.startsWith(`${name}/`)))
          return true;
        return path === `${other}/package.json`;
      },
    };
  }
  return { root: folder, workspace: null, dependsOn: [], isWanted: () => true };
}

async function patternsOf(root: string): Promise<string[] | null> {
  const manifest = await readManifest(root).catch((): Manifest => ({}));
  const pnpm = await readSmall(join(root, "pnpm-workspace.yaml"));
  return workspacePatterns(manifest, pnpm === null ? null : yamlOf(pnpm));
}

function yamlOf(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch {
    return null;
  }
}

async function listWorkspaces(root: string, patterns: readonly string[]): Promise<Workspace[]> {
  const found: Workspace[] = [];
  const pending = [""];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (path !== "" && isWorkspace(path, patterns)) {
      found.push({ path, manifest: await readManifest(join(root, path)) });
      if (found.length >= workspacesMax) break;
    }
    if (path.split("/").length >= sourceDepthMax) continue;
    for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
      const isHidden = entry.name.startsWith(".") || entry.name === "node_modules";
      if (entry.isDirectory() && !isHidden)
        pending.push(path === "" ? entry.name : `${path}/${entry.name}`);
    }
  }
  return found.sort((left, right) => (left.path < right.path ? -1 : 1));
}
