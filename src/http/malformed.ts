import { PlatformError } from "../base/errors.ts";

/** Why a request is refused, as the client reads it after "Cannot read the request:". */
export function malformed(what: string): PlatformError {
  return new PlatformError("REQUEST_MALFORMED", [what]);
}
