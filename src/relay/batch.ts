/**
 * What a client sends up to a Query or a Sync, and what is known of its response, which ends with ReadyForQuery. A client
 * may send batches ahead; they are answered in order.
 *
 *   open ──Query, Sync──▶ sent ──ReadyForQuery──▶ answered
 *     ▲                    │
 *     └──CopyInResponse────┘   a server that takes COPY data ignores a Sync that it was sent before
 */

import { batchTextBytesMax, batchTextsMax } from "./limits.ts";

/** A text of SQL, or where it stands. */
export interface StatementText {
  bytes: Buffer;
  from: number;
  end: number;
  /** It was prepared before this batch. */
  isPrepared: boolean;
  /** The text itself, where somebody has asked for it already; then `bytes` are empty, since they would keep a chunk. */
  sql: string | null;
}

/** The text; valid until its batch is answered. */
export function textOf({ bytes, from, end, sql }: StatementText): string {
  return sql ?? bytes.utf8Slice(from, end);
}

export class Batch {
  /** Clock time when its first byte was read. Milliseconds. */
  startedMs = 0;
  /** Clock time when its response had come. Milliseconds. */
  endedMs = 0;
  /** Offset of its first byte in all that the client has sent on. Bytes. */
  startByte = 0;
  /** It is a Query; else messages of the extended protocol, which commit at their Sync. */
  isSimple = false;
  /** Nothing more of it comes from the client. */
  isSent = false;
  /** It ended with a Sync, after which an error needs no other one. */
  isExtended = false;
  /** The client has ended its COPY data. */
  isCopySent = false;
  /** It began outside a transaction; null while that is not known, since another one was under way. */
  beganOutside: boolean | null = null;
  /** Messages of its response that the client has got, without notices and the like. Count. */
  forwarded = 0;
  /** A statement of it has completed, or told of an error: the client has got what cannot be taken back. */
  hasResult = false;
  /** Statements of it that have completed. Count. */
  completions = 0;
  /** Statements of it have failed. Count. */
  errors = 0;
  /** The server takes COPY data for it. */
  isCopying = false;
  /** It takes, gives or has taken COPY data. */
  hasCopied = false;
  /** Clock time when the guard had it cancelled; 0 = not. Milliseconds. */
  cancelledMs = 0;
  /** Where the text of its last CommandComplete stands. */
  tag: Buffer | null = null;
  tagFrom = 0;
  tagEnd = 0;
  /** Bits of `Feature` of all its statements. */
  features = 0;
  readonly #prepared: string[] = [];
  /** How many of the statements that it prepares the client has seen prepared. Count. */
  preparedSeen = 0;
  readonly #texts: StatementText[] = [];
  /** Of texts and names. */
  #rememberedBytes = 0;
  /** It has more texts or names than are remembered: a batch may go on for ever without a Sync. */
  isOverfull = false;

  /** Names of statements that it prepares, the first `batchTextsMax` of them in their order. */
  get prepared(): readonly string[] {
    return this.#prepared;
  }

  /** Texts of Query and Parse messages in it, as far as they are remembered. */
  get texts(): readonly StatementText[] {
    return this.#texts;
  }

  /** The statements' texts; made when asked for, valid until the batch is answered. */
  sql(): string[] {
    return this.#texts.map(textOf);
  }

  /** It runs or prepares this. @returns whether it is remembered */
  addText(text: StatementText): boolean {
    if (!this.#remembers(this.#texts, text.sql?.length ?? text.end - text.from)) return false;
    this.#texts.push(text);
    return true;
  }

  /** It prepares a statement of this name. @returns whether it is remembered */
  addPrepared(name: string): boolean {
    if (!this.#remembers(this.#prepared, name.length)) return false;
    this.#prepared.push(name);
    return true;
  }

  #remembers({ length }: readonly unknown[], bytes: number): boolean {
    const isRoom =
      !this.isOverfull &&
      this.#rememberedBytes + bytes <= batchTextBytesMax &&
      length < batchTextsMax;
    if (isRoom) this.#rememberedBytes += bytes;
    else this.isOverfull = true;
    return isRoom;
  }

  /** Rows of its last statement, as PostgreSQL says at the end; null when it says nothing of rows. */
  get rows(): number | null {
    const text = this.tag?.latin1Slice(this.tagFrom, this.tagEnd - 1) ?? "";
    const found = / (\d+)$/.exec(text);
    return found === null ? null : Number(found[1]);
  }
}
