/**
 * Holds one database's sessions to its rules, whatever client library they use: what is slow is logged, what runs or
 * stays open for too long is ended, a request that asks too often is reported. Looks at a batch when it has ended, and
 * at what is under way once a second while there is something.
 *
 *   quiet ──a batch begins──▶ looking once a second ──nothing is under way──▶ quiet
 */
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import type { TurnClock } from "../base/turn-clock.ts";
import { type Batch, textOf } from "./batch.ts";
import type { GuardEvent, GuardEventKind } from "./guard-event.ts";
import type { GuardLog } from "./guard-log.ts";
import {
  cancelGraceMs,
  guardLookMs,
  longTransactionMs,
  slowStatementsShownMax,
  statementGraceMs,
} from "./limits.ts";
import { idle, type SqlError } from "./messages.ts";
import type { RelayCounters, RelayDatabase } from "./relay-api.ts";
import { requestOfName, requestOfText } from "./request-mark.ts";
import { type RequestReport, RequestTally } from "./request-tally.ts";
import { refusableFeatures, refusalOf } from "./rule-refusals.ts";
import type { ServerConnection } from "./server-connection.ts";
import type { Session } from "./session.ts";
import type { Statement } from "./session-messages.ts";
import { type SqlShape, SqlShapes } from "./sql-shape.ts";

export interface GuardOptions {
  database: RelayDatabase;
  sessions: ReadonlySet<Session>;
  counters: RelayCounters;
  clock: TurnClock;
  deadlines: Deadlines;
  log: GuardLog;
  /** Asks the server to break off what runs on a connection. */
  cancel(server: ServerConnection): void;
}

export class Guard implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  database: RelayDatabase;
  readonly #options: GuardOptions;
  readonly #shapes = new SqlShapes();
  readonly #tally = new RequestTally();
  /** When the transaction began that was reported last as a long one. */
  readonly #reported = new WeakMap<Session, number>();

  /** `close` takes it out of `deadlines`. */
  constructor(options: GuardOptions) {
    this.#options = options;
    this.database = options.database;
    options.deadlines.add(this);
  }

  /** Whether the texts of what is run have to be known, also of what was prepared before. */
  get wantsTexts(): boolean {
    const { slowStatementMs, queriesPerRequestMax } = this.database.guard;
    return slowStatementMs > 0 || queriesPerRequestMax > 0;
  }

  onBatchBegin(): void {
    if (this.deadlineMs === Number.POSITIVE_INFINITY) this.#arm();
  }

  /** Its connection is from before the rules were changed. @returns whether the session had to end, since it is bound to it */
  onOutdated(session: Session): boolean {
    const { pin } = session.tenancy.memory;
    const { parameters } = session.server!;
    if (!this.database.guard.isReadOnly || pin === null || !session.isIdle) return false;
    if (parameters.get(readOnlySetting) !== "off") return false;
    const message = `the database is read-only now, and the session has a ${pin} that another connection has not`;
    session.fail({ severity: "FATAL", code: "25006", message });
    return true;
  }

  onBatchEnd(session: Session, batch: Batch): void {
    const { slowStatementMs, queriesPerRequestMax, isReadOnly } = this.database.guard;
    if (isReadOnly && session.server?.parameters.get(readOnlySetting) === "off") {
      this.#shut(session, batch);
    }
    const tookMs = batch.endedMs - batch.startedMs;
    if (slowStatementMs > 0 && tookMs >= slowStatementMs) this.#slow(session, batch, tookMs);
    if (queriesPerRequestMax > 0) this.#count(session, batch, queriesPerRequestMax);
  }

  /** A session has waited in vain for a server connection. */
  onLapsed(): void {
    const { connectionsMax } = this.database;
    this.#say("connection-budget", null, () => ({
      message: `A query waited in vain for one of the ${connectionsMax} server connections`,
      fields: { connectionsMax },
    }));
  }

  /** Why a statement is not passed on; null for what is. */
  refusalOf(session: Session, { sql, features }: Statement): SqlError | null {
    const { pooling, guard, name } = this.database;
    if (pooling === "session" && !guard.isReadOnly) return null;
    if (pooling === "transaction" && session.tenancy.memory.isTooLarge) return tooMany;
    if ((features & refusableFeatures) === 0) return null;
    const isIdle = session.status === idle;
    const isAlone = isIdle && !/\b(?:nextval|insert)\b/i.test(sql);
    const { isReadOnly } = guard;
    const refusal = refusalOf(features, { name, pooling, isReadOnly, isIdle, isAlone });
    if (refusal !== null) this.#refused(session, sql, refusal.message);
    return refusal;
  }

  #refused(session: Session, sql: string, why: string): void {
    this.#options.counters.refusals += 1;
    this.#say("refused", requestOf(session, sql), () => {
      const shape = this.#shapes.of(sql);
      return {
        message: `A statement was refused: ${why}: ${shape.text}`,
        fields: { why, shape: shape.text, fingerprint: shape.fingerprint },
      };
    });
  }

  onDeadline(): void {
    const nowMs = this.#options.clock.nowMs();
    let isBusy = false;
    for (const session of this.#options.sessions) {
      if (session.server === null || session.isIdle) continue;
      isBusy = true;
      if (session.batches.length > 0) this.#lookAtStatement(session, nowMs);
      if (session.status !== idle) this.#lookAtTransaction(session, nowMs);
    }
    for (const report of this.#tally.due(nowMs)) this.#over(report);
    if (isBusy || this.#tally.isWaiting) this.#arm();
  }

  /** Says what is still to be said. Twice is safe. */
  close(): void {
    for (const report of this.#tally.due(Number.POSITIVE_INFINITY)) this.#over(report);
    this.#options.deadlines.remove(this);
  }

  #arm(): void {
    this.deadlineMs = this.#options.deadlines.after(guardLookMs);
  }

  // --- when a batch has ended ---

  /** A function has made the session writable, which its text did not say; PostgreSQL reports it. */
  #shut(session: Session, batch: Batch): void {
    session.server!.isStale = true;
    const message = "the session was made writable while its database is read-only";
    this.#refused(session, batch.sql()[0] ?? "", message);
    session.fail({ severity: "FATAL", code: "25006", message });
  }

  #slow(session: Session, batch: Batch, tookMs: number): void {
    this.#options.counters.slowStatements += 1;
    const texts = batch.sql();
    this.#say("slow-statement", requestOf(session, texts[0] ?? ""), () => {
      const shapes = texts.slice(0, slowStatementsShownMax).map((text) => this.#shapes.of(text));
      const shape = joined(shapes, texts.length);
      const rows = batch.rows;
      const took = `${Math.round(tookMs)} ms`;
      const many =
        rows === null ? "" : `, ${rows.toLocaleString("en-US")} row${rows === 1 ? "" : "s"}`;
      return {
        message: `Slow statement (${took}${many}): ${shape.text}`,
        fields: {
          tookMs: Math.round(tookMs),
          rows,
          errors: batch.errors,
          statements: texts.length,
          shape: shape.text,
          fingerprint: shape.fingerprint,
        },
      };
    });
  }

  #count(session: Session, batch: Batch, queriesMax: number): void {
    const named = requestOfName(session.client.applicationName);
    for (const text of batch.texts) {
      // The comment of what was prepared before is of the request that has prepared it.
      const requestId = (text.isPrepared ? null : requestOfText(textOf(text))) ?? named;
      if (requestId === null) continue;
      this.#tally.count(requestId, this.#shapes.of(textOf(text)), queriesMax, batch.endedMs);
    }
  }

  #over(report: RequestReport): void {
    this.#options.counters.overBudget += 1;
    const { requestId, queries, times, shape, shapes, tookMs } = report;
    const { queriesPerRequestMax } = this.database.guard;
    this.#say("query-budget", requestId, () => ({
      message: `A request made ${queries} queries, ${times} of them: ${shape.text}`,
      fields: {
        queries,
        queriesMax: queriesPerRequestMax,
        times,
        shape: shape.text,
        fingerprint: shape.fingerprint,
        shapes,
        tookMs: Math.round(tookMs),
      },
    }));
  }

  // --- once a second ---

  /** PostgreSQL ends slow statements itself; this is for a server that does not answer. */
  #lookAtStatement(session: Session, nowMs: number): void {
    const { statementTimeoutMs } = this.database.guard;
    const { server } = session;
    const batch = session.batches[0]!;
    // A client that takes nothing, or has not sent what the server waits for, is another matter.
    if (statementTimeoutMs === 0 || server === null) return;
    if (!batch.isSent || batch.isCopying || session.client.isFull) return;
    const silentMs = nowMs - Math.max(server.heardMs, batch.startedMs);
    if (silentMs < statementTimeoutMs + statementGraceMs) return;
    if (batch.cancelledMs === 0) {
      batch.cancelledMs = nowMs;
      this.#options.counters.timeouts += 1;
      this.#say("statement-timeout", requestOf(session, batch.sql()[0] ?? ""), () => {
        const shape = this.#shapes.of(batch.sql()[0] ?? "");
        return {
          message: `A statement was cancelled after ${Math.round(silentMs)} ms without an answer: ${shape.text}`,
          fields: {
            tookMs: Math.round(silentMs),
            shape: shape.text,
            fingerprint: shape.fingerprint,
          },
        };
      });
      this.#options.cancel(server);
    } else if (nowMs - batch.cancelledMs > cancelGraceMs) {
      server.noteFatal(fatal("57014", "canceling statement due to statement timeout"));
      server.reset("it did not answer, nor to a cancel request");
    }
  }

  #lookAtTransaction(session: Session, nowMs: number): void {
    const { transactionTimeoutMs } = this.database.guard;
    const ageMs = nowMs - session.transactionMs;
    if (ageMs > longTransactionMs && this.#reported.get(session) !== session.transactionMs) {
      this.#reported.set(session, session.transactionMs);
      const isWorking = session.batches.length > 0;
      this.#say("long-transaction", requestOfName(session.client.applicationName), () => ({
        message: `A transaction has been open for ${Math.round(ageMs / 1000)} s and ${isWorking ? "is still working" : "does nothing"}`,
        fields: { ageMs: Math.round(ageMs), isWorking },
      }));
    }
    const { server } = session;
    if (transactionTimeoutMs === 0 || ageMs < transactionTimeoutMs || server === null) return;
    this.#options.counters.endedTransactions += 1;
    this.#say("transaction-ended", requestOfName(session.client.applicationName), () => ({
      message: `A transaction was ended after ${Math.round(ageMs)} ms; ${transactionTimeoutMs} are allowed`,
      fields: { ageMs: Math.round(ageMs), transactionTimeoutMs },
    }));
    if (session.batches.length > 0) this.#options.cancel(server);
    server.noteFatal(fatal("25P04", "terminating connection due to transaction timeout"));
    server.reset("its transaction was open for too long");
  }

  // --- saying it ---

  #say(
    kind: GuardEventKind,
    requestId: string | null,
    make: () => Pick<GuardEvent, "message" | "fields">,
  ): void {
    const { name, app, branch } = this.database;
    this.#options.log.say({ kind, database: name }, () => ({
      kind,
      database: name,
      app,
      branch,
      requestId,
      ...make(),
    }));
  }
}

const readOnlySetting = "default_transaction_read_only";

/** The request that a statement belongs to, as far as it says so. */
function requestOf(session: Session, sql: string): string | null {
  return requestOfText(sql) ?? requestOfName(session.client.applicationName);
}

/** One line for all statements of a batch. */
function joined(shapes: readonly SqlShape[], statements: number): SqlShape {
  const [first] = shapes;
  if (first === undefined) return { text: "a statement prepared before", fingerprint: "" };
  if (statements === 1) return first;
  const more = statements > shapes.length ? `; … ${statements - shapes.length} more` : "";
  return { text: shapes.map(({ text }) => text).join("; ") + more, fingerprint: first.fingerprint };
}

const tooMany: SqlError = {
  severity: "ERROR",
  code: "54000",
  message: "this session has prepared too many statements",
  hint: "Close those that are not used any more, or prepare them without a name.",
};

/** What PostgreSQL itself would say as the last thing. */
function fatal(code: string, message: string): Map<string, string> {
  return new Map([
    ["V", "FATAL"],
    ["C", code],
    ["M", message],
  ]);
}
