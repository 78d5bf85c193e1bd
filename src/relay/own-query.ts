/**
 * Queries of the relay's own on a server connection that no session's batch is on: what state a session has, making it
 * anew, the proof that somebody is there. Their answers go nowhere else.
 */
import {
  type FrameKinds,
  type FrameSink,
  frameKinds,
  told,
  type Verdict,
  whole,
} from "./framer.ts";
import { errorFields, fromServer } from "./messages.ts";

export interface OwnAnswer {
  /** Columns of each row as text; null for NULL. */
  rows: (string | null)[][];
  /** Errors, by letter (`errorFields`). */
  errors: Map<string, string>[];
  /** What the last ReadyForQuery said. */
  status: number;
}

/** What a connection does with its own messages meanwhile. */
export interface OwnQueryHost {
  onParameter(bytes: Buffer, at: number, end: number): void;
  onNotification(bytes: Buffer, at: number, end: number): void;
  onFatal(fields: Map<string, string>): void;
  onBroken(why: string): void;
}

const { ready, error, parameterStatus, dataRow, notification } = fromServer;

export const ownKinds: FrameKinds = frameKinds([
  ...Object.values(fromServer).map((type) => [type, told] as const),
  ...[ready, error, parameterStatus, dataRow, notification].map((type) => [type, whole] as const),
]);

export class OwnQuery implements FrameSink {
  readonly #host: OwnQueryHost;
  readonly #done: (answer: OwnAnswer) => void;
  readonly #answer: OwnAnswer = { rows: [], errors: [], status: 0 };
  /** ReadyForQuery messages to come. Count. */
  #left: number;

  /** @param done called once, within the framer's `onRead` */
  constructor(host: OwnQueryHost, readies: number, done: (answer: OwnAnswer) => void) {
    this.#host = host;
    this.#left = readies;
    this.#done = done;
  }

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    if (end === null) return "drop";
    if (type === ready) {
      this.#left -= 1;
      this.#answer.status = bytes[at + 5]!;
    } else if (type === error) {
      const fields = errorFields(bytes, at, end);
      if (fields.get("V") === "ERROR") this.#answer.errors.push(fields);
      else this.#host.onFatal(fields);
    } else if (type === parameterStatus) this.#host.onParameter(bytes, at, end);
    else if (type === notification) this.#host.onNotification(bytes, at, end);
    else if (type === dataRow) this.#answer.rows.push(rowOf(bytes, at));
    return "drop";
  }

  onPass(): void {}

  onBroken(why: string): void {
    this.#host.onBroken(why);
  }

  onRead(): void {
    if (this.#left !== 0) return;
    this.#left = -1;
    this.#done(this.#answer);
  }
}

/** What a connection says while it is asked nothing: that it ends, and of settings. */
export class UnaskedAnswers implements FrameSink {
  readonly #host: OwnQueryHost;

  constructor(host: OwnQueryHost) {
    this.#host = host;
  }

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    if (end === null) return "drop";
    if (type === error) {
      const fields = errorFields(bytes, at, end);
      if (fields.get("V") !== "ERROR") this.#host.onFatal(fields);
    } else if (type === parameterStatus) this.#host.onParameter(bytes, at, end);
    else if (type === notification) this.#host.onNotification(bytes, at, end);
    return "drop";
  }

  onPass(): void {}

  onBroken(why: string): void {
    this.#host.onBroken(why);
  }

  onRead(): void {}
}

function rowOf(bytes: Buffer, at: number): (string | null)[] {
  const columns: (string | null)[] = [];
  let from = at + 7;
  for (let left = bytes.readUInt16BE(at + 5); left > 0; left -= 1) {
    const length = bytes.readInt32BE(from);
    from += 4;
    columns.push(length < 0 ? null : bytes.utf8Slice(from, from + length));
    from += Math.max(length, 0);
  }
  return columns;
}
