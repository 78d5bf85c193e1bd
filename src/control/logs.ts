/** An app's log as a stream of lines, at the pace of the client. */
import { asPlatformError, PlatformError } from "../base/errors.ts";
import { versionName } from "../base/version-spec.ts";
import type { LogsQuery } from "./api.ts";
import type { AdminDeps } from "./deps.ts";
import { type LineStreamOptions, lineStream } from "./line-stream.ts";

/**
 * Needs no store. What goes wrong once lines are sent is the last line: `{"error": …}`.
 *
 * @throws {PlatformError} `APP_UNKNOWN` when there is neither such an app nor a log of one; `VERSION_UNKNOWN` when the app
 *   has no such version.
 */
export async function logsStream(
  deps: Pick<AdminDeps, "hasApp" | "hasVersion" | "logs" | "requestLogs" | "report">,
  app: string,
  query: LogsQuery,
  { signal, stopping }: Pick<LineStreamOptions, "signal" | "stopping">,
): Promise<Response> {
  if (!deps.hasApp(app) && !(await hasLog(deps, app))) {
    throw new PlatformError("APP_UNKNOWN", [app]);
  }
  const { version } = query;
  if (version !== undefined && !deps.hasVersion(app, version)) {
    throw new PlatformError("VERSION_UNKNOWN", [app, versionName(version)]);
  }
  const logs = query.requests ? deps.requestLogs : deps.logs;
  return lineStream({
    signal,
    stopping,
    async produce(lines, cancel) {
      try {
        const records = query.follow ? logs.follow(app, query, cancel) : logs.read(app, query);
        for await (const record of records) {
          lines.write(record);
          await lines.drained();
          if (cancel.aborted) break;
        }
        const why: unknown = cancel.reason;
        const isRevoked = why instanceof PlatformError && why.code === "ADMIN_TOKEN_REVOKED";
        if (isRevoked) lines.write({ error: why.toBody() });
      } catch (thrown) {
        if (cancel.aborted) return;
        deps.report(thrown);
        lines.write({ error: asPlatformError(thrown).toBody() });
      }
    },
  });
}

/** An app whose only deploy failed is not an app yet, but its log says why. */
export async function hasLog({ logs }: Pick<AdminDeps, "logs">, app: string): Promise<boolean> {
  for await (const _ of logs.read(app, { tail: 1 })) return true;
  return false;
}
