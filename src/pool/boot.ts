/** From a process without an app to one that takes requests for a version, or the reason why not. */
import { asPlatformError, invariant, PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { ProcessEnded } from "./process-end.ts";
import { heldDestinations, profileOf } from "./profile.ts";
import type { RunnerProcess } from "./runner-process.ts";
import type { Spares } from "./spares.ts";

export interface BootOptions {
  /** Folder of the artifact. */
  artifactPath(digest: string): string;
  /** All of the app's environment, opened. @throws {PlatformError} when it cannot be */
  environment(spec: VersionSpec): Record<string, string>;
  spares: Spares;
}

/**
 * Resolves when the app has a handler.
 *
 * @param onTaken is called as soon as there is a process: from then on it is the caller's, also when this rejects.
 * @throws {PlatformError} `BOOT_TIMEOUT`, `NEVER_LISTENED`, and what `profileOf` and `environment` throw; {LoadFailure};
 *   {ProcessEnded}
 */
export async function boot(
  spec: VersionSpec,
  { artifactPath, environment, spares }: BootOptions,
  onTaken: (running: RunnerProcess, root: string) => void,
): Promise<void> {
  const { entry } = spec;
  invariant(entry !== null, "a version without an entry has no process");
  const profile = profileOf(spec, spares.sandbox);
  const env = environment(spec);
  const { running, root } = await spares
    .take(profile, {
      app: spec.app,
      runtime: spec.runtime,
      artifact: artifactPath(spec.digest),
    })
    .catch((error: unknown) => {
      // That a process without an app does not start is not the app's fault.
      throw asPlatformError(error);
    });
  onTaken(running, root);
  const loaded = running.load(spec.app, spec.limits, {
    root,
    entry,
    args: spec.args,
    ephemeral: spec.ephemeral,
    env,
    connect:
      profile.level === "strict"
        ? heldDestinations(spec.permissions, spares.sandbox.databasePort)
        : null,
    listen: spec.permissions.listen,
  });
  await withTimeout(loaded, spec.limits.bootTimeoutMs, () =>
    running.isWaiting ? "NEVER_LISTENED" : "BOOT_TIMEOUT",
  );
  // It may have said that it is loaded and ended.
  if (running.isGoing) throw new ProcessEnded(await running.exited);
}

/** @throws {PlatformError} with the code that `codeOf` gives when the time is over */
async function withTimeout(
  work: Promise<void>,
  timeoutMs: number,
  codeOf: () => "BOOT_TIMEOUT" | "NEVER_LISTENED",
): Promise<void> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new PlatformError(codeOf(), [timeoutMs])),
    timeoutMs,
  );
  try {
    await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
