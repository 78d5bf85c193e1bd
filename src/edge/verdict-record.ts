/** What the log of an app says about an answer of the platform's own. */
import type { PlatformError } from "../base/errors.ts";
import type { Destination } from "../router/destination.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { loggedTarget } from "../telemetry/logged-target.ts";
import type { Exchange } from "./exchange.ts";

/** @param wallMs wall-clock milliseconds */
export function verdictRecord(
  { spec }: Destination,
  error: PlatformError,
  { id, method, target }: Exchange,
  wallMs: number,
): LogRecord {
  return {
    time: new Date(wallMs).toISOString(),
    app: spec.app,
    version: spec.number,
    instance: null,
    stream: "platform",
    requestId: id.text,
    event: "verdict",
    message: error.message,
    fields: {
      code: error.code,
      status: error.status,
      method,
      target: loggedTarget(target),
      ...(error.cause === undefined ? {} : { cause: error.toBody().cause }),
      ...(error.code === "HOOK_FAILED" ? error.detail : {}),
    },
  };
}
