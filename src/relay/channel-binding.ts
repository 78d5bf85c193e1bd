/**
 * What a log-in is bound to when it is bound to the server's certificate (`tls-server-end-point`, RFC 5929): the
 * certificate's hash, by the hash function of its signature. Pure.
 */
import { createHash, X509Certificate } from "node:crypto";

/** Hash functions by the object identifier of the signature, as its bytes in hex; MD5 and SHA-1 count as SHA-256. */
const hashes: Readonly<Record<string, string>> = {
  // RSA: MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
  "2a864886f70d010104": "sha256",
  "2a864886f70d010105": "sha256",
  "2a864886f70d01010e": "sha224",
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  // ECDSA: SHA-1, SHA-224, SHA-256, SHA-384, SHA-512.
  "2a8648ce3d0401": "sha256",
  "2a8648ce3d040301": "sha224",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};

/**
 * Of the first certificate of a PEM. Null for a signature that names no hash function of its own, such as Ed25519's: there
 * is no rule for those, so that nothing can be bound to them.
 */
export function certificateHash(pem: string): Buffer | null {
  const { raw } = new X509Certificate(pem);
  const name = hashes[signatureOf(raw)];
  return name === undefined ? null : createHash(name).update(raw).digest();
}

/** Object identifier of a certificate's signature, in hex. A certificate is a sequence: what is signed, by what, the signature. */
function signatureOf(der: Uint8Array): string {
  const bytes = Buffer.from(der);
  const signed = contentOf(bytes, 0).at;
  const algorithm = contentOf(bytes, contentOf(bytes, signed).end).at;
  const { at, end } = contentOf(bytes, algorithm);
  return bytes.toString("hex", at, end);
}

/** Where the content of the DER element at `at` begins and ends. */
function contentOf(bytes: Buffer, at: number): { at: number; end: number } {
  const first = bytes[at + 1]!;
  // Below 128 it is the length itself, else how many bytes the length takes.
  if (first < 0x80) return { at: at + 2, end: at + 2 + first };
  const count = first & 0x7f;
  const begin = at + 2 + count;
  return { at: begin, end: begin + bytes.readUIntBE(at + 2, count) };
}
