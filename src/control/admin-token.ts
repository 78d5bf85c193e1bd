/**
 * The token that the admin API asks for: 256 random bits in `admin-token` of the data directory, for the node's user
 * only. The file is what counts: who replaces it has rotated the token, with or without a node that runs.
 *
 *   none ──first start──▶ there ──`levain token --rotate`──▶ there, another one
 *
 * A second token is made from it, for programs that read metrics and nothing else. It changes with the first.
 */
import { createHmac, randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { adminTokenCharactersMax, adminTokenCharactersMin } from "./limits.ts";

/** Where a node keeps its token. */
export function adminTokenPath(dataDir: string): string {
  return join(dataDir, "admin-token");
}

/**
 * The token of a data directory, or null when it has none.
 *
 * @throws {PlatformError} `ADMIN_TOKEN_UNREADABLE` when there is a file, but not one that this user may read, or no token in it
 */
export function readAdminToken(dataDir: string): string | null {
  let text: string;
  try {
    text = readFileSync(adminTokenPath(dataDir), "latin1");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    const what = code === "EACCES" ? "it is another user's" : `reading it failed with ${code}`;
    throw new PlatformError("ADMIN_TOKEN_UNREADABLE", [adminTokenPath(dataDir), what], {
      cause: error,
    });
  }
  const token = text.trim();
  if (SHAPE.test(token)) return token;
  throw new PlatformError("ADMIN_TOKEN_UNREADABLE", [
    adminTokenPath(dataDir),
    `it holds no token of ${adminTokenCharactersMin} to ${adminTokenCharactersMax} characters`,
  ]);
}

/**
 * Makes the token when there is none. The caller holds the node's lock.
 *
 * @throws {PlatformError} `ADMIN_TOKEN_UNREADABLE`
 */
export function ensureAdminToken(dataDir: string): void {
  if (readAdminToken(dataDir) === null) rotateAdminToken(dataDir);
}

/**
 * Makes a new token; every request from now on needs it. The file keeps the owner of its folder, so that root may do it
 * for a node of another user.
 *
 * @throws what the file system has against it
 */
export function rotateAdminToken(dataDir: string): string {
  // A scanner that looks for leaked secrets finds it by its beginning.
  const token = `levain_${randomBytes(32).toString("base64url")}`;
  const path = adminTokenPath(dataDir);
  // Renamed into place: whoever reads meanwhile gets a whole token, the old one or the new one.
  const unfinished = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const fd = openSync(unfinished, "wx", 0o600);
    try {
      writeSync(fd, `${token}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    chmodSync(unfinished, 0o600);
    const { uid } = statSync(dataDir);
    if (uid !== process.getuid?.()) chownSync(unfinished, uid, -1);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  }
  return token;
}

/** The token that only `GET /metrics` takes. */
export function metricsTokenOf(adminToken: string): string {
  const made = createHmac("sha256", adminToken).update("GET /metrics").digest("base64url");
  return `levain_metrics_${made}`;
}

/** What an `Authorization` header can carry (RFC 6750), long enough that nobody guesses it. */
const SHAPE = new RegExp(
  `^[A-Za-z0-9._~+/=-]{${adminTokenCharactersMin},${adminTokenCharactersMax}}$`,
);
