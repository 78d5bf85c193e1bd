/** The part of the wire that reaches through the pool: the stream of one request, which whoever sends it extends. */
export { ClientStream } from "../wire/client-stream.ts";
export { fieldValue } from "../wire/field-value.ts";
export { FLAG_END, FLAG_UPGRADE, ResetReason } from "../wire/frames.ts";
export { dataBytesMax } from "../wire/limits.ts";
export {
  HAS_DATE,
  HAS_REQUEST_ID,
  isFieldName,
  isFieldValue,
  WANTS_CLOSE,
} from "../wire/response-head.ts";
