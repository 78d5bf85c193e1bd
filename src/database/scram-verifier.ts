/**
 * What PostgreSQL keeps of a password: RFC 5803's text for SCRAM-SHA-256. Made here, so that the password itself is in no
 * statement, and so in no log of the server.
 */
import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { databaseScramRounds } from "./limits.ts";

/** @param password of printable ASCII, which needs no preparation */
export function scramVerifier(password: string, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password, salt, databaseScramRounds, 32, "sha256");
  const keyed = (text: string) => createHmac("sha256", salted).update(text).digest();
  const stored = createHash("sha256").update(keyed("Client Key")).digest("base64");
  const server = keyed("Server Key").toString("base64");
  const shownSalt = Buffer.from(salt).toString("base64");
  return `SCRAM-SHA-256$${databaseScramRounds}:${shownSalt}$${stored}:${server}`;
}
