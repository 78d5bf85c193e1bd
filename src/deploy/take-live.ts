/** The last part of a deploy: from an artifact to a version that is live, under the first number that is free. */
import { messageOf, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { OpenEnvironment } from "../secrets/version-environment.ts";
import { VersionNumberTaken } from "../store/versions.ts";
import type { DeployEvent } from "./deploy-api.ts";
import type { DeployerOptions } from "./deploy-job.ts";
import type { Migrated } from "./migrate-step.ts";
import { branchLabel } from "./names.ts";
import type { Provenance } from "./provenance.ts";

/** Times another number is tried when somebody else took it; another node deployed the same app. Count. */
const numberTriesMax = 5;

/** What is to become a version, and live. Its artifact is in the artifact store. */
export interface Candidate {
  /** What it will be, but for what depends on its number and the time. */
  frozen: Omit<VersionSpec, "number" | "env" | "createdAtMs">;
  environment: OpenEnvironment;
  message: string | null;
  commit: string | null;
  artifactBytes: number;
  kitBytes: number;
  /** The packages it was built with; see `CreateVersionInput`. */
  packages: { sha256: string; list?: object } | null;
  /** How long it took to boot is filled in. */
  provenance: Provenance;
  /** What the store notes; a later rollback depends on it. */
  reason: "deploy" | "promote";
  /** What was done to the branch's database for it. */
  migrated: Migrated;
}

export interface TakenLive {
  spec: VersionSpec;
  /** Version that was live before, or null. */
  previous: number | null;
  /** Milliseconds. */
  bootMs: number;
  /** Why it is not in effect yet, when it is not. */
  warnings: string[];
}

/** @throws {PlatformError} why the version cannot go live; the branch is as it was, unless the version was kept */
export async function takeLive(
  options: DeployerOptions,
  candidate: Candidate,
  emit: (event: DeployEvent) => void,
  signal: AbortSignal,
): Promise<TakenLive> {
  const { store, clock, publish, bootCheck, kept, discard, environments } = options;
  const { frozen, environment, reason, migrated, ...described } = candidate;
  const { app, branch } = frozen;
  const labelFor = (name: string, taken: readonly string[]) =>
    branchLabel(name, new Set(taken), app);
  using _sealed = environments.hold();
  for (let tries = 1; ; tries++) {
    const number = await store.nextVersionNumber(app);
    const sealed = environments.freeze(app, number, environment);
    const spec = { ...frozen, number, env: sealed.env, createdAtMs: clock.wallMs() };
    emit({ type: "step", step: "boot" });
    const bootStartedAtMs = clock.nowMs();
    let isKept = false;
    try {
      await bootCheck(spec, signal);
      const bootMs = clock.nowMs() - bootStartedAtMs;
      signal.throwIfAborted();
      emit({ type: "step", step: "live" });
      await store.createVersion({
        ...described,
        provenance: withBoot(described.provenance, bootMs),
        spec,
        branchLabel: labelFor,
        environment: sealed.environment,
      });
      isKept = true;
      kept(spec);
      const { previous } = await store.setLive({
        app,
        branch,
        version: spec.number,
        reason,
        atMs: clock.wallMs(),
        branchLabel: labelFor,
      });
      // From here on the version is live: what cannot be published now is tried until it is.
      const warnings: string[] = [];
      // A run without its version is still a run.
      await options.migrations?.runs.belong(migrated.runs, spec.number).catch(() => {});
      await publish().catch((error: unknown) => {
        warnings.push(
          `it is live as soon as the route table can be published: ${messageOf(error)}`,
        );
      });
      return { spec, previous, bootMs, warnings };
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

function withBoot(found: Provenance, bootMs: number): Provenance {
  return { ...found, ms: { build: found.ms?.build ?? 0, boot: Math.round(bootMs) } };
}
