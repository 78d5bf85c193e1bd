/**
 * The packets that begin a client's connection, which have no first byte: a request for TLS or GSSAPI, a cancel, or the
 * startup itself with its parameters. Pure.
 */
import { startupBytesMax } from "./limits.ts";
import { int32, message, zeroEnded } from "./messages.ts";

export type Startup =
  /** More bytes are needed. */
  | { kind: "unfinished" }
  | { kind: "broken"; why: string }
  /** `bytes` is what it takes of the input. For GSSAPI when not for TLS. */
  | { kind: "encryption"; bytes: number; isTls: boolean }
  | { kind: "cancel"; bytes: number; pid: number; key: Buffer }
  | { kind: "startup"; bytes: number; minor: number; parameters: Map<string, string> };

const cancelCode = 80877102;
const tlsCode = 80877103;
const gssCode = 80877104;

/** First byte of a TLS handshake; a startup packet that began with it would be longer than any may be. */
export const tlsHandshake = 0x16;

/** What a client that begins with TLS at once has to name (ALPN), so that it means this protocol and no other. */
export const tlsProtocol = "postgresql";

/** Newest minor version of protocol 3 that is spoken. */
const minorMax = 2;

export function readStartup(input: Buffer): Startup {
  if (input.length < 4) return { kind: "unfinished" };
  const bytes = input.readUInt32BE(0);
  if (bytes < 8 || bytes > startupBytesMax) {
    return { kind: "broken", why: `a startup packet of ${bytes} bytes` };
  }
  if (input.length < bytes) return { kind: "unfinished" };
  const code = input.readUInt32BE(4);
  if (code === tlsCode || code === gssCode) {
    if (bytes !== 8) return { kind: "broken", why: `a request for encryption of ${bytes} bytes` };
    return { kind: "encryption", bytes, isTls: code === tlsCode };
  }
  if (code === cancelCode) {
    if (bytes < 16 || bytes > 12 + 256) return { kind: "broken", why: "a cancel request" };
    const key = Buffer.from(input.subarray(12, bytes));
    return { kind: "cancel", bytes, pid: input.readInt32BE(8), key };
  }
  const major = code >>> 16;
  const minor = code & 0xffff;
  if (major !== 3) return { kind: "broken", why: `protocol ${major}.${minor}` };
  return { kind: "startup", bytes, minor, parameters: parametersOf(input, bytes) };
}

function parametersOf(input: Buffer, end: number): Map<string, string> {
  const texts = zeroEnded(input, 8, end);
  const parameters = new Map<string, string>();
  for (let at = 0; at + 1 < texts.length && texts[at] !== ""; at += 2) {
    parameters.set(texts[at]!, texts[at + 1]!);
  }
  return parameters;
}

/**
 * What to say to a client that asks for more than is spoken: the newest minor version, and the options of the protocol
 * that are not known. Null when there is nothing to say.
 */
export function negotiation(minor: number, parameters: Map<string, string>): Buffer | null {
  const unknown = [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
  if (minor <= minorMax && unknown.length === 0) return null;
  const spoken = (3 << 16) | Math.min(minor, minorMax);
  return message(0x76, int32(spoken), int32(unknown.length), ...unknown);
}
