/** The batches of a session that are under way, and their bytes for as long as they may have to be sent again. */
import { Batch } from "./batch.ts";
import { textsRunBy } from "./bound-statements.ts";
import { KeptBytes } from "./kept-bytes.ts";
import { lossesMax } from "./limits.ts";

export class Flight {
  /** In their order; the first is being answered, the last may not have been sent as a whole. */
  readonly batches: Batch[] = [];
  /** The batch that the client is sending. */
  sending: Batch | null = null;
  /** Connections that were lost since a batch was answered. Count. */
  losses = 0;
  readonly #kept = new KeptBytes();
  /** Bytes that were passed on since the session's start. */
  #sentBytes = 0;
  /** Offset from which everything has to be sent again; null for nothing. */
  #replayByte: number | null = null;

  /** A batch begins so many bytes behind those that were passed on. @param isOutside of a transaction, when none is under way */
  begin(bytesAhead: number, startedMs: number, isOutside: boolean): Batch {
    const batch = new Batch();
    batch.startedMs = startedMs;
    batch.startByte = this.#sentBytes + bytesAhead;
    if (this.batches.length === 0) {
      batch.beganOutside = isOutside;
      this.#kept.clear(batch.startByte);
    }
    this.batches.push(batch);
    this.sending = batch;
    return batch;
  }

  /** Bytes were passed on. */
  pass(bytes: Buffer, from: number, end: number): void {
    this.#sentBytes += end - from;
    if (this.batches.length > 0) this.#kept.add(bytes, from, end);
  }

  /** Bytes were read that go nowhere. */
  skip(bytes: number): void {
    this.#sentBytes += bytes;
  }

  /** The first one was answered, and is not among the batches any more. */
  noteEnd(): void {
    this.losses = 0;
    const next = this.batches[0];
    if (next === undefined) this.#kept.clear(this.#sentBytes);
    else this.#kept.dropBefore(next.startByte);
  }

  /** The server takes COPY data for a batch. @returns what is wrong with that, or null */
  noteCopyIn(batch: Batch): string | null {
    batch.isCopying = true;
    if (batch.isCopySent) return null;
    if (this.batches.length > 1) {
      return "COPY FROM STDIN cannot be followed by other statements before its data";
    }
    // A Sync that the server was sent already is ignored by it.
    if (batch.isExtended) {
      batch.isSent = false;
      this.sending = batch;
    }
    return null;
  }

  /** Whether a batch can be sent again. */
  isKept({ startByte }: Batch): boolean {
    return this.#kept.has(startByte);
  }

  /** Texts of all statements that a batch runs; it `isKept`. */
  textsOf(batch: Batch, textOf: (name: string) => string | undefined): string[] {
    // By now it may be what this batch or a later one has prepared under the same name.
    const before = (name: string) =>
      this.batches.some(({ prepared }) => prepared.includes(name)) ? undefined : textOf(name);
    return textsRunBy(batch, this.#kept.from(batch.startByte), before);
  }

  /** Not so often yet that what is run may be what ends connections. */
  get mayRepeat(): boolean {
    return this.losses <= lossesMax;
  }

  /** All of them will have to be sent again. */
  planReplay(): void {
    this.#replayByte = this.batches[0]!.startByte;
  }

  /** What has to be sent again has grown beyond what is kept: a part of it would be read as something else. */
  get isTooLong(): boolean {
    return this.#replayByte !== null && !this.#kept.has(this.#replayByte);
  }

  /** What has to be sent again, once; null for nothing. */
  takeReplay(): Buffer | null {
    if (this.#replayByte === null) return null;
    const bytes = this.#kept.from(this.#replayByte);
    this.#replayByte = null;
    return bytes;
  }

  /** None is under way, and nothing of them is needed. */
  clear(): void {
    this.sending = null;
    this.#replayByte = null;
    this.#kept.clear(this.#sentBytes);
  }
}
