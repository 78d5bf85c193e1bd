/**
 * What PostgreSQL keeps of a password: RFC 5803's text for SCRAM-SHA-256. Made here, so that the password itself is in no
 * statement, and so in no log of the server.
 */
import { mechanism, scramKeys } from "../relay/scram.ts";
import { databaseScramRounds } from "./limits.ts";

/** @param password of printable ASCII, which needs no preparation */
export function scramVerifier(password: string, salt: Uint8Array): string {
  const keys = scramKeys(password, Buffer.from(salt), databaseScramRounds);
  const [shownSalt, stored, server] = [keys.salt, keys.storedKey, keys.serverKey].map((bytes) =>
    bytes.toString("base64"),
  );
  return `${mechanism}$${databaseScramRounds}:${shownSalt}$${stored}:${server}`;
}
