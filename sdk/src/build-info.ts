/** What a running app may know of the version that it is. */

/** Of the version that this process runs. */
export interface BuildInfo {
  readonly app: string;
  /** 1, 2, 3 …; shown as `v7`. */
  readonly version: number;
  /** The branch it was deployed or promoted to. */
  readonly branch: string;
  /** sha256 of the artifact, 64 hex digits. */
  readonly digest: string;
  /** When the version was made. Wall-clock milliseconds. */
  readonly createdAtMs: number;
  /** Version of the Bun that built it; null for versions that were made before this was written down, as below. */
  readonly bun: string | null;
  /** Git commit of the source. */
  readonly commit: string | null;
  readonly gitBranch: string | null;
  /** The source had changes that are in no commit. */
  readonly isDirty: boolean | null;
  readonly lockfileSha256: string | null;
  /** What the project was made from. */
  readonly template: string | null;
  /** As in `levain.config.ts`. */
  readonly declares: {
    readonly schema: string | null;
    readonly telemetry: string | null;
    readonly flags: readonly string[];
  };
}

/**
 * How the version that this process runs was built; null outside of Levain (`bun index.ts`, tests). The same in workers and in processes that the app starts
 * with its own environment.
 *
 * ```ts
 * console.log(`shop ${buildInfo?.version ?? "development"}`, buildInfo?.commit);
 * ```
 */
export const buildInfo: BuildInfo | null = read();

function read(): BuildInfo | null {
  const text = (globalThis as { process?: { env: Record<string, string | undefined> } }).process
    ?.env["LEVAIN_BUILD_INFO"];
  if (text === undefined) return null;
  try {
    return Object.freeze(JSON.parse(text) as BuildInfo);
  } catch {
    return null;
  }
}
