/**
 * Files that an edge keeps in memory. Each is read once, however many ask for it meanwhile; when there is no more room,
 * those go that nobody has asked for since the last time room was made.
 */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { assetCacheBytesMax } from "./limits.ts";
import type { Representation } from "./site.ts";

/**
 * Bytes in front of each body: header lines are put there, and then the whole head, so that both leave with one write.
 * What an ordinary head has, twice.
 */
export const bodyRoomBytes = 1024;

/** Gets the body with its room in front, or what the disk has against it. */
export type BodyWaiter = (body: Buffer | null, error: unknown) => void;

export class BodyCache {
  readonly #bytesMax: number;
  #bytes = 0;
  /** Oldest first. */
  readonly #kept = new Set<Representation>();
  readonly #waiting = new Map<Representation, BodyWaiter[]>();
  #isClosed = false;

  /** @param bytesMax what is kept at once, with the room in front. Default `assetCacheBytesMax`. */
  constructor(bytesMax: number = assetCacheBytesMax) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Calls back when the body is there, always later. For what is not in memory. */
  read(of: Representation, done: BodyWaiter): void {
    const waiting = this.#waiting.get(of);
    if (waiting !== undefined) return void waiting.push(done);
    this.#waiting.set(of, [done]);
    void this.#read(of);
  }

  /** Drops what is kept of it. */
  forget(of: Representation): void {
    if (of.body === null) return;
    this.#kept.delete(of);
    this.#bytes -= of.body.length;
    of.body = null;
  }

  /** Drops everything; nothing is kept any more. */
  close(): void {
    this.#isClosed = true;
    for (const one of [...this.#kept]) this.forget(one);
  }

  async #read(of: Representation): Promise<void> {
    let body: Buffer | null = null;
    let error: unknown = null;
    try {
      body = await readBody(of);
    } catch (thrown) {
      error = thrown;
    }
    const waiting = this.#waiting.get(of) ?? [];
    this.#waiting.delete(of);
    if (body !== null) this.#keep(of, body);
    for (const done of waiting) done(body, error);
  }

  #keep(of: Representation, body: Buffer): void {
    if (this.#isClosed || body.length > this.#bytesMax) return;
    for (const one of this.#kept) {
      if (this.#bytes + body.length <= this.#bytesMax) break;
      if (one.isUsed) {
        // Another round.
        one.isUsed = false;
        this.#kept.delete(one);
        this.#kept.add(one);
      } else this.forget(one);
    }
    of.body = body;
    this.#kept.add(of);
    this.#bytes += body.length;
  }
}

/** @throws {Error} also when it has not the bytes that the manifest says */
async function readBody({ path, bytes }: Representation): Promise<Buffer> {
  await using file: FileHandle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const body = Buffer.allocUnsafeSlow(bodyRoomBytes + bytes);
  let at = bodyRoomBytes;
  while (at < body.length) {
    const { bytesRead } = await file.read(body, at, body.length - at, at - bodyRoomBytes);
    if (bytesRead === 0) throw new Error(`${path} ends at ${at - bodyRoomBytes} of ${bytes} bytes`);
    at += bytesRead;
  }
  return body;
}
