/** The JSON body of an admin request, read up to its bound. */
import { PlatformError } from "../base/errors.ts";
import { adminBodyBytesMax } from "./limits.ts";

/**
 * @returns the value, not validated; an empty body is `{}`.
 * @throws {PlatformError} `ADMIN_BODY_TOO_LARGE`, `INPUT_INVALID` when it is no JSON.
 */
export async function readJsonBody(request: Request): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > adminBodyBytesMax) {
      throw new PlatformError("ADMIN_BODY_TOO_LARGE", [adminBodyBytesMax]);
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)));
  } catch (cause) {
    throw new PlatformError("INPUT_INVALID", ["body: no JSON in UTF-8"], { cause });
  }
}
