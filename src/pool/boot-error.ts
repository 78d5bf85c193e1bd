/** Why a version did not start, as an error of the catalogue with its evidence. */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { describeEnd, LoadFailure, ProcessEnded } from "./runner-process.ts";

export function bootError(
  thrown: unknown,
  spec: VersionSpec,
  lastLines: readonly string[],
): PlatformError {
  const evidence = { detail: { lastLines: [...lastLines] }, cause: thrown };
  if (thrown instanceof LoadFailure) {
    const { code, message } = thrown.failure;
    if (code === "MODULE_MISSING") return new PlatformError("MODULE_MISSING", [message], evidence);
    if (code === "NO_HANDLER") return new PlatformError("NO_HANDLER", [spec.entry], evidence);
    return new PlatformError("BOOT_CRASHED", [message], evidence);
  }
  if (thrown instanceof ProcessEnded) {
    if (thrown.end.cause !== null) return thrown.end.cause;
    return new PlatformError("BOOT_CRASHED", [describeEnd(thrown.end)], evidence);
  }
  if (thrown instanceof PlatformError) return thrown;
  return new PlatformError("INTERNAL", [], evidence);
}
