/**
 * Sealing: a value as it may lie on a disk.
 *
 *   sealed:1:<key id>:<nonce ‖ AES-256-GCM of the value ‖ tag, as base64url>
 *
 * Where it belongs (app, branch or version, name) is authenticated with it, so a sealed value that is moved elsewhere
 * does not open there. Pure, but for the nonce.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { nonceBytes, tagBytes } from "./limits.ts";

/** Made from one master key; each use has a key of its own. */
export interface MasterKey {
  /** The key itself, as the file has it: 64 hex digits. */
  hex: string;
  /** Names it without saying anything of it. 8 hex digits. */
  id: string;
  sealing: Uint8Array;
  /** For hashes by which values are compared. */
  fingerprint: Uint8Array;
}

/** Where a value belongs. The parts are told apart whatever is in them. */
export type SealContext = readonly (string | number)[];

/** Why a sealed value does not open: its key is not here, or it is not what was sealed for this place. */
export class UnsealError extends Error {
  override readonly name = "UnsealError";
  readonly reason: "key" | "damaged";
  /** Of the key that it names. */
  readonly keyId: string;

  constructor(reason: "key" | "damaged", keyId: string) {
    super(
      reason === "key"
        ? `it was sealed with key ${keyId}, which this node does not have`
        : "it was changed, or sealed for another place",
    );
    this.reason = reason;
    this.keyId = keyId;
  }
}

const SEALED = /^sealed:1:([0-9a-f]{8}):([A-Za-z0-9_-]+)$/;

export function masterKeyOf(hex: string): MasterKey {
  const derive = (use: string, bytes: number) =>
    new Uint8Array(hkdfSync("sha256", Buffer.from(hex, "hex"), "", `levain ${use}`, bytes));
  return {
    hex,
    id: Buffer.from(derive("key id", 4)).toString("hex"),
    sealing: derive("sealing", 32),
    fingerprint: derive("fingerprint", 32),
  };
}

/** Whether a text is a sealed value. Versions of earlier releases have plain ones. */
export function isSealed(text: string): boolean {
  return SEALED.test(text);
}

/** Id of the key that a value was sealed with, or null for a plain one. */
export function keyIdOf(text: string): string | null {
  return SEALED.exec(text)?.[1] ?? null;
}

export function seal(
  key: MasterKey,
  value: string,
  context: SealContext,
  nonce: Uint8Array = randomBytes(nonceBytes),
): string {
  const cipher = createCipheriv("aes-256-gcm", key.sealing, nonce);
  cipher.setAAD(associated(key.id, context));
  const sealed = Buffer.concat([
    nonce,
    cipher.update(value, "utf8"),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `sealed:1:${key.id}:${sealed.toString("base64url")}`;
}

/** @throws {UnsealError} */
export function unseal(
  keys: ReadonlyMap<string, MasterKey>,
  text: string,
  context: SealContext,
): string {
  const [, keyId = "", payload = ""] = SEALED.exec(text) ?? [];
  if (keyId === "") throw new UnsealError("damaged", "");
  const key = keys.get(keyId);
  if (key === undefined) throw new UnsealError("key", keyId);
  const bytes = Buffer.from(payload, "base64url");
  if (bytes.length < nonceBytes + tagBytes) throw new UnsealError("damaged", keyId);
  const decipher = createDecipheriv("aes-256-gcm", key.sealing, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(associated(keyId, context));
  decipher.setAuthTag(bytes.subarray(-tagBytes));
  try {
    const opened = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
    return Buffer.concat([opened, decipher.final()]).toString("utf8");
  } catch {
    // The library's words say nothing that helps; the value must not be in any.
    throw new UnsealError("damaged", keyId);
  }
}

function associated(keyId: string, context: SealContext): Buffer {
  return Buffer.from(JSON.stringify(["levain", 1, keyId, ...context]), "utf8");
}
