/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), both sides, as functions of values: nonces and salts are passed in. Passwords are
 * those that Levain makes, of plain ASCII, so that nothing has to be prepared (RFC 4013).
 *
 *   client ──first──▶ server ──first──▶ client ──final: proof──▶ server ──final: signature──▶ client
 */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";

export const mechanism = "SCRAM-SHA-256";

/** The same, bound to the server's certificate: whoever passes the exchange on over a TLS connection of their own fails. */
export const boundMechanism = "SCRAM-SHA-256-PLUS";

/** What a server keeps of a password, and what a client can keep instead of computing it again. */
export interface ScramKeys {
  salt: Buffer;
  rounds: number;
  clientKey: Buffer;
  serverKey: Buffer;
  /** Hash of `clientKey`. */
  storedKey: Buffer;
}

/** Takes about 0.3 microseconds for each round. */
export function scramKeys(password: string, salt: Buffer, rounds: number): ScramKeys {
  const salted = pbkdf2Sync(password, salt, rounds, 32, "sha256");
  const clientKey = hmac(salted, "Client Key");
  return {
    salt,
    rounds,
    clientKey,
    serverKey: hmac(salted, "Server Key"),
    storedKey: createHash("sha256").update(clientKey).digest(),
  };
}

// --- the server's side ---

export interface ClientFirst {
  /** What the last message has to repeat: how the channel is bound, and to what. */
  binding: Buffer;
  nonce: string;
  /** The message without the header. */
  bare: string;
}

/** What a server can bind to, and what the client has chosen. */
export interface ScramChannel {
  /** Of the certificate (`channel-binding.ts`); null when `boundMechanism` is not offered. */
  certificateHash: Buffer | null;
  /** The client has chosen `boundMechanism`. */
  isBound: boolean;
}

export const unbound: ScramChannel = { certificateHash: null, isBound: false };

/** @returns null for what is none, asks for what was not offered, or did not hear of what was */
export function readClientFirst(
  text: string,
  { certificateHash, isBound }: ScramChannel,
): ClientFirst | null {
  const match =
    /^((n|y|p=tls-server-end-point),(?:a=[^,]*)?,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]{1,256})(?:,.*)?)$/.exec(
      text,
    );
  if (match === null) return null;
  const [, header = "", flag = "", bare = "", nonce = ""] = match;
  if (isBound !== flag.startsWith("p")) return null;
  // It could bind, and believes that we cannot: somebody in between has left that out.
  if (flag === "y" && certificateHash !== null) return null;
  const bound = isBound ? certificateHash! : Buffer.alloc(0);
  return { binding: Buffer.concat([Buffer.from(header), bound]), bare, nonce };
}

export function serverFirst(
  { nonce }: ClientFirst,
  { salt, rounds }: ScramKeys,
  ownNonce: string,
): string {
  return `r=${nonce}${ownNonce},s=${salt.toString("base64")},i=${rounds}`;
}

/** Checks a client's proof. @returns the server's last message, or null when the proof is wrong */
export function serverFinal(
  first: ClientFirst,
  sent: string,
  text: string,
  { storedKey, serverKey }: ScramKeys,
): string | null {
  const match = /^(c=([A-Za-z0-9+/=]*),r=([^,]*)(?:,[^p][^,]*)*),p=([A-Za-z0-9+/=]*)$/.exec(text);
  if (match === null) return null;
  const [, withoutProof = "", header = "", nonce = "", proofText = ""] = match;
  const proof = Buffer.from(proofText, "base64");
  if (!Buffer.from(header, "base64").equals(first.binding)) return null;
  if (!sent.startsWith(`r=${nonce},`) || proof.length !== 32) return null;
  const authMessage = `${first.bare},${sent},${withoutProof}`;
  const clientKey = xor(proof, hmac(storedKey, authMessage));
  const hash = createHash("sha256").update(clientKey).digest();
  if (!timingSafeEqual(hash, storedKey)) return null;
  return `v=${hmac(serverKey, authMessage).toString("base64")}`;
}

// --- the client's side ---

/** @param user empty for PostgreSQL, which takes it from the startup packet */
export function clientFirst(nonce: string, user = ""): string {
  return `n,,n=${user},r=${nonce}`;
}

export interface ServerFirst {
  nonce: string;
  salt: Buffer;
  rounds: number;
}

/** @returns null for what is none, or does not go on with the client's nonce */
export function readServerFirst(text: string, ownNonce: string): ServerFirst | null {
  const match = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,8})(?:,.*)?$/.exec(text);
  if (match === null) return null;
  const [, nonce = "", salt = "", rounds = ""] = match;
  if (!nonce.startsWith(ownNonce) || nonce === ownNonce) return null;
  return { nonce, salt: Buffer.from(salt, "base64"), rounds: Number(rounds) };
}

/**
 * A client's last message, and what the server's has to be.
 *
 * @param binding the header of the first message, and what it binds to
 */
export function clientFinal(
  first: string,
  received: string,
  { nonce }: ServerFirst,
  { clientKey, storedKey, serverKey }: ScramKeys,
  binding: Buffer = Buffer.from("n,,"),
): { text: string; expected: string } {
  const withoutProof = `c=${binding.toString("base64")},r=${nonce}`;
  const authMessage = `${first.slice(first.indexOf(",,") + 2)},${received},${withoutProof}`;
  const proof = xor(clientKey, hmac(storedKey, authMessage));
  return {
    text: `${withoutProof},p=${proof.toString("base64")}`,
    expected: `v=${hmac(serverKey, authMessage).toString("base64")}`,
  };
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ right[index]!));
}
