/**
 * Builds a source once more and compares it with an artifact, by digest and, where they differ, file by file. Nothing of it
 * is kept, and nothing is started.
 */
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { removeFolder } from "../sandbox/remove-folder.ts";
import type { ManifestEntry } from "./artifact-manifest.ts";
import type { DeployVerified } from "./deploy-api.ts";
import type { DeployerOptions, Job } from "./deploy-job.ts";
import { differencesShownMax } from "./limits.ts";
import { openEnvironment } from "./open-environment.ts";

/** How one file of the artifact is not what was built. */
export interface Difference {
  path: string;
  /** `added`: only the build has it. */
  change: "added" | "removed" | "changed";
  /** In the artifact and in the build; null where it is not there, or a link. */
  bytes: [artifact: number | null, built: number | null];
}

/**
 * @param digest of an artifact; it need not be on this node
 * @throws {PlatformError} `BUILD_DIFFERS`, with the files in its detail; what a build throws
 */
export async function verifyBuild(
  options: DeployerOptions,
  job: Job,
  digest: string,
): Promise<DeployVerified> {
  const { builder, dataDir, artifacts } = options;
  const { app, branch, source, facts, emit, signal } = job;
  const environment = await openEnvironment(options, job);
  const workFolder = join(dataDir, "builds", app);
  await removeFolder(workFolder);
  try {
    const request = { app, branch, source, workFolder, facts, environment, emit, signal };
    const built = await builder.build(request);
    emit({ type: "step", step: "artifact" });
    const found = await artifacts.describe(built.folder, { signal });
    if (found.digest === digest) return { app, digest, files: found.entries.length };
    const files = artifacts.has(digest)
      ? differences(await artifacts.entries(digest), found.entries)
      : [];
    const named = files.slice(0, differencesShownMax).map(describe);
    const rest = files.length - named.length;
    if (files.length === 0) named.push("not known: the artifact is not on this node");
    if (rest > 0) named.push(`and ${rest} more`);
    throw new PlatformError("BUILD_DIFFERS", [digest, found.digest], {
      detail: { built: found.digest, differing: files.length, files: named },
    });
  } finally {
    await removeFolder(workFolder);
  }
}

/** By path. Pure. */
export function differences(
  artifact: readonly ManifestEntry[],
  built: readonly ManifestEntry[],
): Difference[] {
  const before = new Map(artifact.map((entry) => [entry.path, entry]));
  const after = new Map(built.map((entry) => [entry.path, entry]));
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort();
  return paths.flatMap((path): Difference[] => {
    const [old, now] = [before.get(path), after.get(path)];
    if (old !== undefined && now !== undefined && isSame(old, now)) return [];
    const change = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    return [{ path, change, bytes: [bytesOf(old), bytesOf(now)] }];
  });
}

function isSame(left: ManifestEntry, right: ManifestEntry): boolean {
  if ("link" in left || "link" in right) {
    return "link" in left && "link" in right && left.link === right.link;
  }
  return left.sha256 === right.sha256 && left.executable === right.executable;
}

function bytesOf(entry: ManifestEntry | undefined): number | null {
  return entry !== undefined && "bytes" in entry ? entry.bytes : null;
}

function describe({ path, change, bytes: [artifact, built] }: Difference): string {
  if (change === "added") return `${path}: only in what was built now`;
  if (change === "removed") return `${path}: only in the artifact`;
  return artifact === built
    ? `${path}: other bytes, or another mode`
    : `${path}: ${artifact ?? "a link"} bytes in the artifact, ${built ?? "a link"} built now`;
}
