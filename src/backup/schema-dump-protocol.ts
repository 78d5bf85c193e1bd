/** What the thread of pg_dump and the one that has the connection say to each other. */

/** Two words: whether something lies in the mail, and how many bytes (0: the answer is over). Bytes. */
export const mailWord = 8;
/** All of the shared memory. Bytes. */
export const mailSize = 256 * 1024;

export interface DumpOrder {
  mail: SharedArrayBuffer;
  /** What the server said when it let us in, up to its first ReadyForQuery. */
  greeting: Uint8Array;
  /** Of pg_dump. */
  args: string[];
}

export type FromDump =
  | { type: "query"; bytes: Uint8Array }
  | { type: "taken" }
  | { type: "done"; sql: string }
  | { type: "failed"; message: string };

const QUERY = 0x51;
const SYNC = 0x53;
const TERMINATE = 0x58;

/** Whether the last message is one that the server answers up to ReadyForQuery. False for half of one. Pure. */
export function endsQuery(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let last = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 5) return false;
    last = bytes[at] ?? 0;
    at += 1 + view.getUint32(at + 1);
    if (at > bytes.length) return false;
  }
  if (last === TERMINATE) return false;
  return last === QUERY || last === SYNC;
}
