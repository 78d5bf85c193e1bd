/**
 * Where the master keys are: `master-key` in the data directory, for the node's user only, or a variable of the operator's.
 *
 *   # a comment
 *   <64 hex digits>      seals
 *   <64 hex digits>      still opens what is not sealed anew yet: a rotation is under way
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import { masterKeyBytes, masterKeyFileBytesMax, masterKeysMax } from "./limits.ts";

const HEADER =
  "# Levain's master key: opens the environment values of every app on this node.\n" +
  "# Keep a copy apart from the data directory; without it those values are lost.\n";

/** Where a node keeps its keys unless it is told otherwise. */
export function masterKeyPath(dataDir: string): string {
  return join(dataDir, "master-key");
}

/** @returns 64 hex digits */
export function newMasterKey(): string {
  return randomBytes(masterKeyBytes).toString("hex");
}

/**
 * The keys in the file, the one that seals first; null when there is no file.
 *
 * @throws {PlatformError} `MASTER_KEY_INVALID` when others may read it, or it does not hold keys
 */
export function readKeyFile(path: string): string[] | null {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return null;
    throw new PlatformError("MASTER_KEY_INVALID", [path, messageOf(error)]);
  }
  try {
    const { mode, size, uid } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw invalid(path, "it is not a file");
    if ((mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8);
      throw invalid(path, `others may read or change it (mode ${shown}, must be 600)`);
    }
    const own = process.getuid?.();
    if (uid !== own && uid !== 0) throw invalid(path, `it belongs to user ${uid}`);
    if (size > masterKeyFileBytesMax) throw invalid(path, `it has ${size} bytes`);
    const text = Buffer.alloc(size);
    const read = readSync(fd, text, 0, size, 0);
    return parseMasterKeys(text.toString("latin1", 0, read), path);
  } finally {
    closeSync(fd);
  }
}

/**
 * Keys as they are written in a file or a variable: 64 hex digits or 44 characters of base64 each, with spaces, commas or
 * line ends between them.
 *
 * @param where for messages, which never have what was found there
 * @throws {PlatformError} `MASTER_KEY_INVALID`
 */
export function parseMasterKeys(text: string, where: string): string[] {
  const words = text
    .replace(/^\s*#.*$/gm, "")
    .split(/[\s,]+/)
    .filter((word) => word !== "");
  if (words.length === 0) throw invalid(where, "it holds no key");
  if (words.length > masterKeysMax) throw invalid(where, `it holds ${words.length} keys`);
  const keys = words.map((word) => {
    if (/^[0-9a-fA-F]{64}$/.test(word)) return word.toLowerCase();
    if (/^[A-Za-z0-9+/_-]{43}=?$/.test(word)) {
      const bytes = Buffer.from(word, "base64");
      if (bytes.length === masterKeyBytes) return bytes.toString("hex");
    }
    throw invalid(
      where,
      `a key has ${masterKeyBytes} bytes, as 64 hex digits or 44 characters of base64`,
    );
  });
  return [...new Set(keys)];
}

/**
 * Replaces the file: after a crash at any point it is the old one or the new one, whole.
 *
 * @throws what the file system has against it
 */
export function writeKeyFile(path: string, keys: readonly string[]): void {
  const unfinished = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const fd = openSync(unfinished, "wx", 0o600);
    try {
      writeSync(fd, `${HEADER}${keys.join("\n")}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished, path);
    const folder = openSync(dirname(path), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
}

function invalid(where: string, what: string): PlatformError {
  return new PlatformError("MASTER_KEY_INVALID", [where, what]);
}
