/**
 * The messages of PostgreSQL's protocol 3 that the relay writes itself, and the bytes it knows others by.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html
 */

/** First bytes of what clients send. */
export const fromClient = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const;

/** First bytes of what servers send. */
export const fromServer = {
  authentication: 0x52,
  backendKey: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  functionResult: 0x56,
  negotiate: 0x76,
  noData: 0x6e,
  notice: 0x4e,
  notification: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  ready: 0x5a,
  rowDescription: 0x54,
} as const;

/** What ReadyForQuery says of the session. */
export const idle = 0x49;
export const inTransaction = 0x54;
export const failedTransaction = 0x45;

/** A message of parts: numbers are bytes, texts end with a zero byte. */
export function message(type: number, ...parts: (string | Uint8Array)[]): Buffer {
  const sizes = parts.map((part) =>
    typeof part === "string" ? Buffer.byteLength(part) + 1 : part.length,
  );
  const length = sizes.reduce((total, size) => total + size, 4);
  const bytes = Buffer.alloc(1 + length);
  bytes[0] = type;
  bytes.writeUInt32BE(length, 1);
  let at = 5;
  for (const [index, part] of parts.entries()) {
    if (typeof part === "string") bytes.write(part, at);
    else bytes.set(part, at);
    at += sizes[index]!;
  }
  return bytes;
}

/** What a message says of its length, without its first byte. A `readUInt32BE` would make a DataView of the chunk. Bytes. */
export function lengthAt(bytes: Uint8Array, at: number): number {
  const high = (bytes[at + 1]! << 24) | (bytes[at + 2]! << 16);
  return (high | (bytes[at + 3]! << 8) | bytes[at + 4]!) >>> 0;
}

/** A number of four bytes, as part of a message. */
export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** An error as PostgreSQL words them. */
export interface SqlError {
  severity: "ERROR" | "FATAL";
  /** SQLSTATE. Five characters. */
  code: string;
  message: string;
  detail?: string | undefined;
  hint?: string | undefined;
}

/** What a client gets that has asked for it by a cancel request. */
export const canceled: SqlError = {
  severity: "ERROR",
  code: "57014",
  message: "canceling statement due to user request",
};

export function errorResponse({ severity, code, message: text, detail, hint }: SqlError): Buffer {
  const fields = [`S${severity}`, `V${severity}`, `C${code}`, `M${text}`];
  if (detail !== undefined) fields.push(`D${detail}`);
  if (hint !== undefined) fields.push(`H${hint}`);
  return message(fromServer.error, ...fields, nul);
}

const nul = Buffer.alloc(1);

export function readyForQuery(status: number): Buffer {
  return message(fromServer.ready, Uint8Array.of(status));
}

export function parameterStatus(name: string, value: string): Buffer {
  return message(fromServer.parameterStatus, name, value);
}

/** What ends a log-in that has succeeded. */
export function welcome(
  parameters: ReadonlyMap<string, string>,
  pid: number,
  key: Uint8Array,
): Buffer {
  return Buffer.concat([
    message(fromServer.authentication, int32(0)),
    ...[...parameters].map(([name, value]) => parameterStatus(name, value)),
    message(fromServer.backendKey, int32(pid), key),
    readyForQuery(idle),
  ]);
}

export function query(sql: string): Buffer {
  return message(fromClient.query, sql);
}

export const syncMessage = message(fromClient.sync);
export const terminateMessage = message(fromClient.terminate);

/** A CancelRequest, which has no first byte. */
export function cancelRequest(pid: number, key: Uint8Array): Buffer {
  return Buffer.concat([int32(12 + key.length), int32(80877102), int32(pid), key]);
}

/** The startup packet of protocol 3.0, which has no first byte either. */
export function startupPacket(parameters: Iterable<readonly [string, string]>): Buffer {
  const texts = [...parameters].flatMap(([name, value]) => [`${name}\0`, `${value}\0`]);
  const body = Buffer.from(`${texts.join("")}\0`);
  return Buffer.concat([int32(8 + body.length), int32(196608), body]);
}

/** Fields of an ErrorResponse or NoticeResponse by their letter: S V C M D H … */
export function errorFields(bytes: Buffer, from: number, end: number): Map<string, string> {
  const fields = new Map<string, string>();
  for (const text of zeroEnded(bytes, from + 5, end)) {
    if (text.length > 0) fields.set(text[0]!, text.slice(1));
  }
  return fields;
}

/** The texts between two places, each of which ends with a zero byte. */
export function zeroEnded(bytes: Buffer, from: number, end: number): string[] {
  const texts: string[] = [];
  let at = from;
  while (at < end) {
    const zero = bytes.indexOf(0, at);
    if (zero < 0 || zero >= end) break;
    texts.push(bytes.utf8Slice(at, zero));
    at = zero + 1;
  }
  return texts;
}

/** The text at a place, up to its zero byte or the end. */
export function textAt(bytes: Buffer, from: number, end: number): string {
  const zero = bytes.indexOf(0, from);
  return bytes.utf8Slice(from, zero < 0 || zero > end ? end : zero);
}
