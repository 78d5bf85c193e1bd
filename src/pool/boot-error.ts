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
    switch (code) {
      case "MODULE_MISSING":
        return new PlatformError("MODULE_MISSING", [message], lines);
      case "NO_HANDLER":
        return new PlatformError("NO_HANDLER", [paths.entry()], lines);
      case "EPHEMERAL_SERVER":
        return new PlatformError("NODE_SERVER_UNSUPPORTED", [], lines);
      case "SEVERAL_SERVERS":
        return new PlatformError("SERVERS_SEVERAL", [message], lines);
      case "TLS_SERVER":
        return new PlatformError("SERVER_TLS", [message], lines);
      case "TCP_SERVER":
        return new PlatformError("SERVER_RAW", [message], lines);
      case "CLUSTER_SERVER":
        return new PlatformError("SERVER_CLUSTER", [], lines);
      case "THREW":
        return new PlatformError("BOOT_CRASHED", [paths.shown(message)], lines);
    }
  }
  if (thrown instanceof ProcessEnded) {
    if (thrown.end.cause !== null) return thrown.end.cause;
    return new PlatformError("BOOT_CRASHED", [describeEnd(thrown.end)], evidence);
  }
  if (thrown instanceof PlatformError) {
    const { code } = thrown;
    const isTimeout = code === "BOOT_TIMEOUT" || code === "NEVER_LISTENED";
    return isTimeout ? new PlatformError(code, [spec.limits.bootTimeoutMs], lines) : thrown;
  }
  return new PlatformError("INTERNAL", [], evidence);
}

/** What visitors are told of it: what the app said goes to its log alone. A dropped database is nothing that it said. */
export function visitorError(app: string, error: PlatformError): PlatformError {
  if (error.code === "DATABASE_DROPPED") return error;
  return new PlatformError("APP_START_FAILED", [app, error.code], { cause: error });
}
