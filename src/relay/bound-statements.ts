/** Which statements a batch runs that were prepared before it, read from its bytes when somebody has to know. Pure. */
import type { Batch } from "./batch.ts";
import { fromClient, textAt } from "./messages.ts";

/** A text that nobody takes for one that can be run again. */
const unknown = "unknown";

/**
 * Texts of all statements that a batch runs.
 *
 * @param bytes what the client has sent from the batch's begin on; more than the batch is not looked at
 * @param textOf the statement of that name before the batch, undefined when it is not known
 */
export function textsRunBy(
  batch: Pick<Batch, "isOverfull" | "sql">,
  bytes: Buffer,
  textOf: (name: string) => string | undefined,
): string[] {
  const texts = batch.sql();
  if (batch.isOverfull) texts.push(unknown);
  for (const name of boundIn(bytes)) {
    // The one without a name may be that of another batch by now.
    texts.push(name === "" ? unknown : (textOf(name) ?? unknown));
  }
  return texts;
}

/** Names in the Bind messages up to the first Query or Sync, but for those whose Parse comes before. */
function boundIn(bytes: Buffer): Set<string> {
  const names = new Set<string>();
  const prepared = new Set<string>();
  for (let at = 0; at + 5 <= bytes.length; ) {
    const type = bytes[at]!;
    if (type === fromClient.sync || type === fromClient.query) break;
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (type === fromClient.parse && end <= bytes.length) prepared.add(textAt(bytes, at + 5, end));
    if (type === fromClient.bind) {
      const portalEnd = bytes.indexOf(0, at + 5);
      const isHere = portalEnd >= 0 && bytes.indexOf(0, portalEnd + 1) >= 0;
      const name = isHere ? textAt(bytes, portalEnd + 1, end) : unknown;
      if (!prepared.has(name)) names.add(name);
    }
    at = end;
  }
  return names;
}
