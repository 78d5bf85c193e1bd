/** The JSON body of an admin request, read up to its bound. */
import { PlatformError } from "../base/errors.ts";
import { adminBodyBytesMax, adminBodyTimeoutMs } from "./limits.ts";

/**
 * @returns the value, not validated; an empty body is `{}`.
 * @throws {PlatformError} `ADMIN_BODY_TOO_LARGE`, `REQUEST_TIMEOUT`, `INPUT_INVALID` when it is no JSON.
 */
export async function readJsonBody(
  request: Request,
  timeoutMs = adminBodyTimeoutMs,
  bytesMax = adminBodyBytesMax,
): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = (request.body ?? new Blob([]).stream()).getReader();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new PlatformError("REQUEST_TIMEOUT", [timeoutMs])),
    timeoutMs,
  );
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), late.promise]);
      if (done) break;
      bytes += value.byteLength;
      if (bytes > bytesMax) {
        throw new PlatformError("ADMIN_BODY_TOO_LARGE", [bytesMax]);
      }
      chunks.push(value);
    }
  } catch (error) {
    void reader.cancel().catch(() => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new PlatformError("INPUT_INVALID", ["body: no JSON in UTF-8"], { cause });
  }
}
