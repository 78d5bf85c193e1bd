/**
 * What a client sends up to a Query or a Sync, and what is known of its response, which ends with ReadyForQuery. A client
 * may send batches ahead; they are answered in order.
 *
 *   open ──Query, Sync──▶ sent ──ReadyForQuery──▶ answered
 *     ▲                    │
 *     └──CopyInResponse────┘   a server that takes COPY data ignores a Sync that it was sent before
 */

/** Where a text of SQL stands in what the client sent. */
export interface StatementText {
  bytes: Buffer;
  from: number;
  end: number;
  /** It was prepared before this batch. */
  isPrepared: boolean;
  /** The text itself, where somebody has asked for it already. */
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
  /** Names of statements that it prepares, in their order. */
  readonly prepared: string[] = [];
  /** How many of them the client has seen prepared. Count. */
  preparedSeen = 0;
  /** Texts of Query and Parse messages in it. */
  readonly texts: StatementText[] = [];

  /** The statements' texts; made when asked for, valid until the batch is answered. */
  sql(): string[] {
    return this.texts.map(textOf);
  }

  /** Rows of its last statement, as PostgreSQL says at the end; null when it says nothing of rows. */
  get rows(): number | null {
    const text = this.tag?.latin1Slice(this.tagFrom, this.tagEnd - 1) ?? "";
    const found = / (\d+)$/.exec(text);
    return found === null ? null : Number(found[1]);
  }
}
