/**
 * The key of an encrypted backup: random, sealed with what a passphrase gives, and derived anew for each archive.
 *
 *   passphrase ──scrypt──▶ opens the wrapped key ──HKDF──▶ one key per archive, one for the manifest's MAC
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  hkdfSync,
  randomBytes,
  scryptSync,
  timingSafeEqual,
} from "node:crypto";
import { PlatformError } from "../base/errors.ts";
import {
  authenticatedText,
  type BackupEncryption,
  type BackupManifest,
} from "./backup-manifest.ts";
import { passphraseCharactersMin, scryptBlockSize, scryptCost, sealTagBytes } from "./limits.ts";

export class BackupKey {
  readonly #key: Uint8Array;

  /** Use `newBackupKey` or `openBackupKey`. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Of one archive. 32 bytes. */
  ofArchive(id: string, archive: string): Uint8Array {
    return this.#derive(`archive ${id} ${archive}`);
  }

  macOf(manifest: BackupManifest): string {
    const key = this.#derive(`manifest ${manifest.id}`);
    return createHmac("sha256", key).update(authenticatedText(manifest)).digest("hex");
  }

  #derive(use: string): Uint8Array {
    return new Uint8Array(hkdfSync("sha256", this.#key, "", `levain backup ${use}`, 32));
  }
}

/** @throws {PlatformError} `INPUT_INVALID` for a passphrase that is too short */
export function newBackupKey(passphrase: string): {
  key: BackupKey;
  encryption: BackupEncryption;
} {
  if (passphrase.length < passphraseCharactersMin) {
    throw new PlatformError("INPUT_INVALID", [
      `the passphrase has ${passphrase.length} characters, at least ${passphraseCharactersMin} are needed`,
    ]);
  }
  const key = randomBytes(32);
  const salt = randomBytes(16);
  const facts = { cost: scryptCost, blockSize: scryptBlockSize, salt: salt.toString("base64") };
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", stretch(passphrase, facts), nonce);
  const sealed = Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]);
  return {
    key: new BackupKey(key),
    encryption: { kdf: "scrypt", ...facts, wrappedKey: sealed.toString("base64") },
  };
}

/**
 * The key of a backup and whether its manifest is the one that was written with it. Null for one that is not encrypted.
 *
 * @throws {PlatformError} `BACKUP_PASSPHRASE_NEEDED`, `BACKUP_PASSPHRASE_WRONG`, `BACKUP_DAMAGED`
 */
export function openBackupKey(
  manifest: BackupManifest,
  passphrase: string | undefined,
): BackupKey | null {
  const { encryption, id } = manifest;
  if (encryption === null) return null;
  if (passphrase === undefined) throw new PlatformError("BACKUP_PASSPHRASE_NEEDED", [id]);
  const sealed = Buffer.from(encryption.wrappedKey, "base64");
  let key: BackupKey;
  try {
    const decipher = createDecipheriv(
      "aes-256-gcm",
      stretch(passphrase, encryption),
      sealed.subarray(0, 12),
      { authTagLength: sealTagBytes },
    );
    decipher.setAuthTag(sealed.subarray(-sealTagBytes));
    const opened = decipher.update(sealed.subarray(12, -sealTagBytes));
    key = new BackupKey(Buffer.concat([opened, decipher.final()]));
  } catch {
    throw new PlatformError("BACKUP_PASSPHRASE_WRONG", [id]);
  }
  const expected = Buffer.from(key.macOf(manifest), "hex");
  const given = Buffer.from(manifest.mac ?? "", "hex");
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw new PlatformError("BACKUP_DAMAGED", [id, "manifest.json was changed"]);
  }
  return key;
}

function stretch(
  passphrase: string,
  { cost, blockSize, salt }: Pick<BackupEncryption, "cost" | "blockSize" | "salt">,
): Uint8Array {
  return scryptSync(passphrase.normalize("NFC"), Buffer.from(salt, "base64"), 32, {
    N: cost,
    r: blockSize,
    p: 1,
    maxmem: 256 * cost * blockSize,
  });
}
