/** What the edge sees of the lanes behind the router: where a request goes, and the stream that carries it. */

export type { Destination } from "../pool/destination.ts";
export type { RequestStart } from "../pool/holds.ts";
export { holdTimeoutMs } from "../pool/limits.ts";
export {
  ClientStream,
  dataBytesMax,
  FLAG_END,
  FLAG_UPGRADE,
  fieldValue,
  HAS_DATE,
  HAS_REQUEST_ID,
  isFieldName,
  isFieldValue,
  ResetReason,
  WANTS_CLOSE,
} from "../pool/stream.ts";
