/** What the messages of a batch say about it and about its session. */
import type { Batch, StatementText } from "./batch.ts";
import { type FrameKinds, frameKinds, passed, told, whole } from "./framer.ts";
import { fromClient, textAt } from "./messages.ts";
import type { SessionHost } from "./session-host.ts";
import type { SessionMemory } from "./session-memory.ts";
import { Feature, type StatementFeatures } from "./statement-features.ts";
import { type TransactionVerb, transactionVerb } from "./statement-verbs.ts";

const { bind, close, copyData, copyDone, copyFail, flush, functionCall, parse, password, sync } =
  fromClient;

const noBytes = Buffer.alloc(0);

/** How messages of clients are treated after their log-in. */
const plainKinds: FrameKinds = frameKinds([
  ...Object.values(fromClient)
    .filter((type) => type !== password)
    .map((type) => [type, told] as const),
  ...[fromClient.query, parse, close].map((type) => [type, whole] as const),
  [copyData, passed],
]);

/** The same where it is looked at which statement is run: it does something to the session, or to a transaction that is lost. */
export const watchfulKinds: FrameKinds = Uint8Array.from(plainKinds);
watchfulKinds[bind] = whole;

/** A text of SQL in a Query or a Parse message. */
export interface Statement {
  sql: string;
  /** Bits of `Feature`. */
  features: number;
  /** Where the text begins in the chunk; the name of a Parse ends before it. */
  from: number;
  end: number;
}

/** A message to a server that takes COPY data and reads nothing else. @returns what is wrong with it, or null */
export function noteCopyMessage(batch: Batch, type: number): string | null {
  if (type === copyDone || type === copyFail) {
    batch.isCopySent = true;
    batch.isCopying = false;
  } else if (type !== sync && type !== flush) {
    return `unexpected message type 0x${type.toString(16)} during COPY from stdin`;
  }
  return null;
}

export class SessionMessages {
  readonly #memory: SessionMemory;
  readonly #features: StatementFeatures;
  readonly #host: Pick<SessionHost, "wantsTexts">;

  constructor(memory: SessionMemory, host: Pick<SessionHost, "features" | "wantsTexts">) {
    this.#memory = memory;
    this.#features = host.features;
    this.#host = host;
  }

  /** How messages of the client are treated from now on. */
  get kinds(): FrameKinds {
    return this.#host.wantsTexts || this.#memory.isWatchful ? watchfulKinds : plainKinds;
  }

  /** What a message runs or prepares; null for nothing, and for what cannot be read. @param end as for `note` */
  statementOf(type: number, bytes: Buffer, at: number, end: number | null): Statement | null {
    if (end === null) return null;
    if (type === fromClient.query) return this.#statement(bytes, at + 5, end - 1);
    if (type !== parse) return null;
    const nameEnd = bytes.indexOf(0, at + 5);
    const sqlEnd = nameEnd < 0 ? -1 : bytes.indexOf(0, nameEnd + 1);
    return sqlEnd < 0 || sqlEnd >= end ? null : this.#statement(bytes, nameEnd + 1, sqlEnd);
  }

  /** What a batch that begins with this message does to a transaction. Parameters as for `note`. */
  verbOf(
    type: number,
    bytes: Buffer,
    at: number,
    end: number | null,
    statement: Statement | null,
  ): TransactionVerb {
    const name = type === bind && end !== null ? boundName(bytes, at, end) : null;
    const sql = statement?.sql ?? (name === null ? undefined : this.#memory.textOf(name));
    return sql === undefined ? "other" : transactionVerb(sql);
  }

  /**
   * Takes a message of a batch into account.
   *
   * @param end null when the message is not here as a whole
   * @param statement that of the message
   */
  note(
    batch: Batch,
    type: number,
    bytes: Buffer,
    at: number,
    end: number | null,
    statement: Statement | null,
  ): void {
    switch (type) {
      case fromClient.query:
        batch.isSimple = true;
        if (statement !== null) {
          this.#addRead(batch, statement);
          batch.features |= statement.features;
        }
        batch.isSent = true;
        break;
      case parse:
        if (end === null) this.#memory.overlook();
        else if (statement !== null) this.#onParse(batch, bytes, at, end, statement);
        break;
      case bind:
        if (end !== null) this.#onBind(batch, bytes, at, end);
        break;
      case close:
        if (end !== null && bytes[at + 5] === 0x53) this.#memory.forget(textAt(bytes, at + 6, end));
        break;
      case sync:
        batch.isExtended = true;
        batch.isSent = true;
        break;
      case functionCall:
        batch.isSent = true;
        break;
      case copyDone:
      case copyFail:
        batch.isCopySent = true;
        break;
      default:
    }
  }

  #onParse(batch: Batch, bytes: Buffer, at: number, end: number, statement: Statement): void {
    const { features, from } = statement;
    this.#addRead(batch, statement);
    const name = from === at + 6 ? "" : bytes.utf8Slice(at + 5, from - 1);
    // One without a name is run by what follows; one with a name whenever somebody binds it.
    if (name === "") batch.features |= features;
    // PostgreSQL will refuse it, and keep the one it has.
    if (name !== "" && this.#memory.statements.has(name)) return;
    if (!batch.addPrepared(name)) {
      // Nobody will know whether it was prepared: one with a name stays for as long as the session has its connection.
      this.#memory.forget(name);
      if (name !== "") this.#memory.overlook();
      return;
    }
    const isAll = at === 0 && end === bytes.length;
    this.#memory.prepared(name, {
      // A copy: a slice would keep a whole chunk in memory for as long as the statement.
      parse: isAll ? bytes : Buffer.from(bytes.subarray(at, end)),
      sqlFrom: from - at,
      sqlEnd: statement.end - at,
      features,
    });
  }

  #onBind(batch: Batch, bytes: Buffer, at: number, end: number): void {
    const name = boundName(bytes, at, end);
    const prepared = name === null ? undefined : this.#memory.statements.get(name);
    if (name === null || prepared === undefined) return;
    if (prepared.features === 0 && !this.#host.wantsTexts) return;
    batch.features |= prepared.features;
    const { parse: source, sqlFrom, sqlEnd } = prepared;
    const isPrepared = name !== "" && !batch.prepared.includes(name);
    // The text of an unnamed one is there already, with its Parse.
    if (!isPrepared) return;
    const text = { bytes: source, from: sqlFrom, end: sqlEnd, isPrepared, sql: null };
    this.#add(batch, text, prepared.features);
  }

  #statement(bytes: Buffer, from: number, end: number): Statement {
    const sql = bytes.utf8Slice(from, end);
    return { sql, features: this.#features.of(sql), from, end };
  }

  #addRead(batch: Batch, { sql, features }: Statement): void {
    this.#add(batch, { bytes: noBytes, from: 0, end: 0, isPrepared: false, sql }, features);
  }

  #add(batch: Batch, text: StatementText, features: number): void {
    if (batch.addText(text) || (features & Feature.setsSession) === 0) return;
    this.#memory.overlookSettings();
  }
}

/** The statement of a Bind; null where none can be read. */
function boundName(bytes: Buffer, at: number, end: number): string | null {
  const portalEnd = bytes.indexOf(0, at + 5);
  return portalEnd < 0 || portalEnd >= end ? null : textAt(bytes, portalEnd + 1, end);
}
