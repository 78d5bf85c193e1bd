/**
 * Reads the responses to a session's batches and passes them on to its client as they come. What PostgreSQL says as the
 * last thing before it ends a connection stays here: what the client is told is decided when the connection has ended.
 */
import type { Batch } from "./batch.ts";
import type { ClientSide } from "./client-side.ts";
import {
  type FrameKinds,
  type FrameSink,
  frameKinds,
  passed,
  told,
  type Verdict,
  whole,
} from "./framer.ts";
import { errorFields, fromServer, idle } from "./messages.ts";
import type { RelayCounters } from "./relay-api.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { SessionLosses } from "./session-loss.ts";

/** The session, as far as responses concern it. */
export interface AnswersHost {
  readonly batches: Batch[];
  readonly counters: RelayCounters;
  readonly server: ServerConnection | null;
  status: number;
  /** A response has ended; the batch is not in `batches` any more. */
  onBatchEnd(batch: Batch): void;
  /** Whether the client hears of the end of the response from the session, later. */
  deferReady(): boolean;
  /** The server takes COPY data, in the first of the batches. */
  onCopyIn(batch: Batch): void;
  readonly losses: SessionLosses;
  /** All that has come from the server was passed on, and no batch is under way. */
  onAllAnswered(): void;
}

const { copyData, copyDone, dataRow } = fromServer;

export const answerKinds: FrameKinds = frameKinds([
  ...Object.values(fromServer).map((type) => [type, told] as const),
  ...[dataRow, copyData, copyDone].map((type) => [type, passed] as const),
  ...[
    fromServer.ready,
    fromServer.error,
    fromServer.parameterStatus,
    fromServer.commandComplete,
  ].map((type) => [type, whole] as const),
]);

export class SessionAnswers implements FrameSink {
  readonly #host: AnswersHost;
  readonly #client: ClientSide;
  /** What is passed on when the chunk has been read: the first run of it, which mostly is all. */
  #run: Buffer | null = null;
  #runFrom = 0;
  #runEnd = 0;
  /** The others. */
  readonly #runs: [bytes: Buffer, from: number, end: number][] = [];
  #hasEnded = false;
  /** Messages of the response that the client has already got. Count. */
  #suppressed = 0;
  /** What the client had got of the response before this chunk. Counts. */
  #forwardedBefore = 0;
  #preparedBefore = 0;
  /** From where on the chunk that is read has the response; -1 when the client has a result of it from before. */
  #headFrom = 0;
  /** What this chunk has of the response is not passed on. */
  #isCut = false;

  constructor(host: AnswersHost, client: ClientSide) {
    this.#host = host;
    this.#client = client;
  }

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    const host = this.#host;
    switch (type) {
      case fromServer.ready:
        this.#onReady(bytes[at + 5]!, at + 6);
        return host.deferReady() ? "drop" : "pass";
      case fromServer.parameterStatus:
        if (end !== null) {
          host.server?.noteParameter(bytes, at, end);
          this.#client.noteTold(bytes, at, end);
        }
        return "pass";
      case fromServer.notice:
      case fromServer.notification:
        return "pass";
      case fromServer.error:
        return this.#onError(bytes, at, end);
      default:
    }
    if (this.#suppressed > 0) {
      this.#suppressed -= 1;
      return "drop";
    }
    const head = host.batches[0];
    if (head === undefined) return "pass";
    head.forwarded += 1;
    switch (type) {
      case fromServer.parseComplete:
        head.preparedSeen += 1;
        break;
      case fromServer.commandComplete:
        if (end !== null) {
          head.tag = bytes;
          head.tagFrom = at + 5;
          head.tagEnd = end;
        }
        head.completions += 1;
        head.hasResult = true;
        break;
      case fromServer.emptyQuery:
      case fromServer.portalSuspended:
      case fromServer.functionResult:
        head.hasResult = true;
        break;
      case fromServer.copyIn:
        head.hasCopied = true;
        host.onCopyIn(head);
        break;
      case fromServer.copyOut:
        head.hasCopied = true;
        break;
      default:
    }
    return "pass";
  }

  onPass(bytes: Buffer, from: number, end: number): void {
    if (this.#run !== null) return void this.#runs.push([bytes, from, end]);
    this.#run = bytes;
    this.#runFrom = from;
    this.#runEnd = end;
  }

  onBroken(why: string): void {
    this.#flush();
    this.#host.server?.break(why);
  }

  onRead(): void {
    this.#flush();
    const head = this.#host.batches[0];
    this.#forwardedBefore = head?.forwarded ?? 0;
    this.#preparedBefore = head?.preparedSeen ?? 0;
    this.#headFrom = head?.hasResult === true || this.#hasPassedRows() ? -1 : 0;
    if (!this.#hasEnded) return;
    this.#hasEnded = false;
    if (head === undefined) this.#host.onAllAnswered();
  }

  /** The first batch is sent again, on another connection. */
  again({ forwarded, preparedSeen }: Batch): void {
    this.#forwardedBefore = forwarded;
    this.#preparedBefore = preparedSeen;
    this.#suppressed = forwarded;
    this.#headFrom = 0;
  }

  #flush(): void {
    const first = this.#run;
    if (first === null) {
      this.#isCut = false;
      return;
    }
    this.#run = null;
    this.#tell(first, this.#runFrom, this.#runEnd);
    if (this.#runs.length > 0) {
      for (const [bytes, from, end] of this.#runs) this.#tell(bytes, from, end);
      this.#runs.length = 0;
    }
    this.#isCut = false;
  }

  #tell(bytes: Buffer, from: number, end: number): void {
    const to = this.#isCut ? Math.min(end, this.#headFrom) : end;
    if (to > from) this.#client.tell(bytes, from, to);
  }

  #hasPassedRows(): boolean {
    return this.#host.server?.framer.hasPassed === true;
  }

  /** The client gets nothing more of the response, which is begun again. */
  #cut(head: Batch): void {
    this.#isCut = true;
    head.forwarded = this.#forwardedBefore;
    head.preparedSeen = this.#preparedBefore;
    head.completions = 0;
    head.hasResult = false;
    const { server } = this.#host;
    if (server !== null) server.framer.hasPassed = false;
  }

  #onReady(status: number, end: number): void {
    const host = this.#host;
    host.status = status;
    this.#hasEnded = true;
    this.#headFrom = end;
    this.#suppressed = 0;
    this.#forwardedBefore = 0;
    this.#preparedBefore = 0;
    const batch = host.batches.shift();
    const next = host.batches[0];
    if (next !== undefined) next.beganOutside = status === idle;
    if (host.server !== null) host.server.framer.hasPassed = false;
    if (batch !== undefined) host.onBatchEnd(batch);
  }

  #onError(bytes: Buffer, at: number, end: number | null): Verdict {
    const host = this.#host;
    const [head] = host.batches;
    if (end !== null) {
      const fields = errorFields(bytes, at, end);
      if ((fields.get("V") ?? fields.get("S")) !== "ERROR") {
        host.server?.noteFatal(fields);
        if (head !== undefined && this.#headFrom >= 0 && host.losses.wasRolledBack(head, fields)) {
          this.#cut(head);
        }
        return "drop";
      }
    }
    if (head !== undefined) {
      head.hasResult = true;
      head.errors += 1;
      head.isCopying = false;
    }
    host.counters.errors += 1;
    return "pass";
  }
}
