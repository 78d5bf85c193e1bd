/** The last part of a deploy: from an artifact to a version that is live, under the first number that is free. */
import type { Clock } from "../base/clock.ts";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { VersionNumberTaken } from "../store/versions.ts";
import type { BuiltApp } from "./builder.ts";
import type { DeployResult } from "./deploy-api.ts";
import type { DeployerOptions, Job, StoredArtifact } from "./deploy-job.ts";
import { branchLabel } from "./names.ts";

/** Times another number is tried when somebody else took it; another node deployed the same app. Count. */
const numberTriesMax = 5;

/** @throws {PlatformError} why the version cannot go live; the branch is as it was, unless the version was kept */
export async function takeLive(
  options: DeployerOptions,
  job: Job,
  built: BuiltApp,
  artifact: StoredArtifact,
  buildMs: number,
): Promise<DeployResult> {
  const { store, clock, publish, urlOf, bootCheck, kept, discard, platformVersion } = options;
  const { app, branch, query, emit, signal } = job;
  const labelFor = (name: string, taken: readonly string[]) =>
    branchLabel(name, new Set(taken), app);
  for (let tries = 1; ; tries++) {
    const spec = specOf(options.clock, job, built, artifact, await store.nextVersionNumber(app));
    emit({ type: "step", step: "boot" });
    const bootStartedAtMs = clock.nowMs();
    let isKept = false;
    try {
      await bootCheck(spec, signal);
      const bootMs = clock.nowMs() - bootStartedAtMs;
      signal.throwIfAborted();
      emit({ type: "step", step: "live" });
      await store.createVersion({
        spec,
        branchLabel: labelFor,
        message: query.message ?? null,
        commit: query.commit ?? null,
        artifactBytes: artifact.bytes,
        provenance: { ...built.provenance, levain: platformVersion },
      });
      isKept = true;
      kept(spec);
      const { previous } = await store.setLive({
        app,
        branch,
        version: spec.number,
        reason: "deploy",
        atMs: clock.wallMs(),
        branchLabel: labelFor,
      });
      // From here on the version is live: what cannot be published now is tried until it is.
      const warnings = [...built.warnings];
      await publish().catch((error: unknown) => {
        warnings.push(
          `it is live as soon as the route table can be published: ${messageOf(error)}`,
        );
      });
      return {
        app,
        branch,
        version: spec.number,
        digest: artifact.digest,
        url: urlOf(app, branch),
        versionUrl: urlOf(app, spec.number),
        previous,
        warnings,
        ms: {
          build: Math.round(buildMs),
          boot: Math.round(bootMs),
          total: Math.round(clock.nowMs() - job.startedAtMs),
        },
      };
    } catch (error) {
      const isGone =
        error instanceof PlatformError &&
        (error.code === "APP_UNKNOWN" || error.code === "VERSION_UNKNOWN");
      if (isKept && !isGone) throw error;
      await discard(spec);
      // Another node deployed the same app meanwhile: its version has the number, ours takes the next one.
      if (!(error instanceof VersionNumberTaken) || tries >= numberTriesMax) throw error;
    }
  }
}

function specOf(
  clock: Clock,
  job: Job,
  built: BuiltApp,
  artifact: StoredArtifact,
  number: number,
): VersionSpec {
  // The others have done their work in the build.
  const { name, entry, build, bundle, ...frozen } = built.config;
  return {
    app: job.app,
    number,
    branch: job.branch,
    digest: artifact.digest,
    entry: built.entry,
    assets: built.assets,
    ...frozen,
    createdAtMs: clock.wallMs(),
  };
}
