/** Why a version did not start, as an error of the catalogue with its evidence. */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { LoadFailure } from "./load-failure.ts";
import { describeEnd, ProcessEnded } from "./process-end.ts";
import type { ProjectPaths } from "./project-paths.ts";

export function bootError(
  thrown: unknown,
  spec: VersionSpec,
  lastLines: readonly string[],
  paths: ProjectPaths,
): PlatformError {
  const lines = { detail: { lastLines: [...lastLines] } };
  const evidence = { ...lines, cause: thrown };
  if (thrown instanceof LoadFailure) {
    const { code, message } = thrown.failure;
    if (code === "MODULE_MISSING") return new PlatformError("MODULE_MISSING", [message], lines);
    if (code === "NODE_SERVER") return new PlatformError("NODE_SERVER_UNSUPPORTED", [], lines);
    if (code === "NO_HANDLER") return new PlatformError("NO_HANDLER", [paths.entry()], lines);
    return new PlatformError("BOOT_CRASHED", [paths.shown(message)], lines);
  }
  if (thrown instanceof ProcessEnded) {
    if (thrown.end.cause !== null) return thrown.end.cause;
    return new PlatformError("BOOT_CRASHED", [describeEnd(thrown.end)], evidence);
  }
  if (thrown instanceof PlatformError) {
    const isTimeout = thrown.code === "BOOT_TIMEOUT";
    return isTimeout
      ? new PlatformError("BOOT_TIMEOUT", [spec.limits.bootTimeoutMs], lines)
      : thrown;
  }
  return new PlatformError("INTERNAL", [], evidence);
}
