/**
 * One client's session: all that PostgreSQL would know of it, on whatever server connection it has just now (tenancy.ts).
 *
 *   idle ──a batch's first byte──▶ under way ──ReadyForQuery──▶ idle …          batches may be sent ahead
 *     │                                └──the connection is lost──▶ run again, or answered with an error
 *     └──the client leaves──▶ closed                                (session-loss.ts)
 * Bytes are written on as they came, one write for each chunk; without a connection they wait in the framer and the socket.
 */
import type { Batch } from "./batch.ts";
import { ClientSide } from "./client-side.ts";
import { Flight } from "./flight.ts";
import type { Framer, FrameSink, Verdict } from "./framer.ts";
import * as limits from "./limits.ts";
import {
  canceled,
  failedTransaction,
  fromClient,
  idle,
  readyForQuery,
  type SqlError,
} from "./messages.ts";
import type { Outlet } from "./outlet.ts";
import { Refusals } from "./refusals.ts";
import type { RelayCounters } from "./relay-api.ts";
import type { ServerConnection } from "./server-connection.ts";
import { errorOfSettings, errorOfState, type LostServer, tooLongToRepeat } from "./server-lost.ts";
import { type AnswersHost, SessionAnswers } from "./session-answers.ts";
import type { SessionHost, SessionIdentity } from "./session-host.ts";
import { SessionLosses } from "./session-loss.ts";
import { noteCopyMessage, SessionMessages, watchfulKinds } from "./session-messages.ts";
import { Tenancy, type Tenant } from "./tenancy.ts";

const { copyDone, copyFail, flush, functionCall, query, sync, terminate } = fromClient;

export class Session implements AnswersHost, FrameSink, SessionIdentity, Tenant {
  readonly pid: number;
  readonly key: Buffer;
  readonly parameters: ReadonlyMap<string, string>;
  readonly counters: RelayCounters;
  readonly tenancy: Tenancy;
  readonly batches: Batch[];
  status: number = idle;
  /** Clock time when the open transaction began. Milliseconds. */
  transactionMs = 0;
  readonly #host: SessionHost;
  readonly client: ClientSide;
  readonly #framer: Framer;
  readonly #answers: SessionAnswers;
  readonly #messages: SessionMessages;
  readonly #flight = new Flight();
  readonly #refusals = new Refusals();
  readonly losses: SessionLosses;
  /** The client has sent the begin of a batch that was not begun. */
  #hasNext = false;
  /** The client waits for the end of its last response. */
  #owesReady = false;
  /** After an error of the relay's, until the client's Sync. */
  #isSkipping = false;
  /** The message whose body comes was answered with an error, or its begin is gone with a connection. */
  #isSwallowing = false;
  #isClosed = false;

  constructor(host: SessionHost, outlet: Outlet, framer: Framer, identity: SessionIdentity) {
    this.#host = host;
    this.batches = this.#flight.batches;
    this.counters = host.counters;
    this.pid = identity.pid;
    this.key = identity.key;
    this.parameters = identity.parameters;
    this.#framer = framer;
    this.client = new ClientSide({
      outlet,
      deadlines: host.deadlines,
      counters: host.counters,
      onFull: () => this.server?.pause(),
      onEmpty: () => {
        this.server?.resume();
        if (this.#hasNext) this.readOn();
      },
      onStalled: () => this.leave(),
    });
    this.#answers = new SessionAnswers(this, this.client);
    this.tenancy = new Tenancy(this, host, this.#answers, framer);
    this.losses = new SessionLosses(this.#flight, this.tenancy.memory);
    this.#messages = new SessionMessages(this.tenancy.memory, host);
    framer.kinds = this.#messages.kinds;
    framer.sink = this;
  }

  /** Ends the log-in: at once when it is known what a server reports, else with a connection. Call it once. */
  start(): void {
    const reported = this.#host.reportedOf(this.parameters);
    if (reported !== null) return this.welcome(reported);
    this.tenancy.isWanted = true;
    this.tenancy.seek();
  }

  /** Some session with the same startup parameters has learnt what a server reports. */
  welcome(parameters: ReadonlyMap<string, string>): void {
    if (!this.client.owesWelcome) return;
    this.client.welcome(parameters, this.pid, this.key);
    this.tenancy.relax();
    this.readOn();
  }

  get server(): ServerConnection | null {
    return this.tenancy.server;
  }

  get isIdle(): boolean {
    return this.batches.length === 0 && this.status === idle;
  }

  /** A batch waits. Nothing is begun for a client that does not take the answers before. */
  get hasWork(): boolean {
    return this.#hasNext && !this.client.isFull;
  }

  /** A batch waits for a connection. */
  get isWaiting(): boolean {
    return this.hasWork && this.tenancy.stage !== "open";
  }

  // --- what the client sends ---

  onMessage(type: number, bytes: Buffer, at: number, end: number | null): Verdict {
    if (this.#isClosed) return "drop";
    this.#isSwallowing = false;
    if (type === terminate) {
      this.leave();
      return "drop";
    }
    if (this.#isSkipping) {
      if (type !== sync) return "drop";
      this.#isSkipping = false;
      this.client.say(readyForQuery(this.status));
      return "drop";
    }
    const head = this.batches[0];
    if (head?.isCopying === true && !head.isCopySent) {
      const problem = noteCopyMessage(head, type);
      return problem === null ? "pass" : this.#violate(problem);
    }
    const statement = this.#messages.statementOf(type, bytes, at, end);
    const refusal = statement === null ? null : this.#host.refusalOf(this, statement);
    if (refusal !== null) return this.#refuse(refusal, type);
    if (this.#flight.sending === null) {
      // What is left of a COPY that failed; a Flush of nothing.
      if (type === copyDone || type === copyFail || type === flush) return "drop";
      if (this.#refusals.isDue) {
        const verb = this.#messages.verbOf(type, bytes, at, end, statement);
        const error = this.#refusals.take(verb, this);
        if (error !== null) return this.#refuse(error, type);
      }
      if (!this.#mayBegin()) return "wait";
      this.#begin(at);
    }
    const batch = this.#flight.sending!;
    this.#messages.note(batch, type, bytes, at, end, statement);
    if (batch.isSent) this.#flight.sending = null;
    this.#framer.kinds = this.#messages.kinds;
    return "pass";
  }

  onPass(bytes: Buffer, from: number, end: number): void {
    this.counters.bytesFromClients += end - from;
    if (this.#isSwallowing) return this.#flight.skip(end - from);
    this.#flight.pass(bytes, from, end);
    if (this.#flight.isTooLong) this.#failBatches(() => tooLongToRepeat);
    if (this.tenancy.stage !== "open") return;
    this.tenancy.write(bytes, from, end);
    if (this.server!.unsentBytes > limits.unsentBytesMax) this.client.pause();
  }

  onBroken(why: string): void {
    this.#violate(`invalid ${why}`);
  }

  onRead(): void {
    if (this.#framer.heldBytes > limits.heldBytesMax) this.client.pause();
  }

  /** The client takes more. */
  onClientDrain(): void {
    this.client.onDrain();
  }

  /** The client has left, or its socket is gone. Twice is safe. */
  leave(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#host.onLeft(this);
    this.client.end();
    this.tenancy.close(this.isIdle);
    this.#framer.reset();
  }

  /** Tells the client why, and closes. */
  fail(error: SqlError): void {
    if (this.#isClosed) return;
    // Within a row it would be read as a part of it.
    if (this.server?.framer.isWithin !== true) this.client.tellError(error, null);
    this.leave();
  }

  /** With the right key. */
  cancel(): void {
    if (this.isWaiting) this.onDenied(canceled);
    else if (this.server !== null && this.batches.length > 0)
      this.#host.servers.cancel(this.server);
  }

  readOn(): void {
    this.client.resume();
    this.#framer.resume();
  }

  // --- what the server says ---

  onNotification(bytes: Buffer): void {
    this.client.say(bytes);
  }

  onServerDrain(): void {
    if (this.#framer.heldBytes <= limits.heldBytesMax) this.client.resume();
  }

  onBatchEnd(batch: Batch): void {
    const nowMs = this.#host.clock.lastMs;
    batch.endedMs = nowMs;
    this.#flight.noteEnd();
    if (this.status !== idle && batch.beganOutside !== false) this.transactionMs = nowMs;
    if (batch.errors > 0) this.tenancy.memory.forgetUnprepared(batch);
    if (batch.features !== 0) this.tenancy.noteRan(batch.features, batch.sql());
    this.#host.onBatchEnd(this, batch);
  }

  /** What a client knows to be done must be remembered: what it is told last waits for that. */
  deferReady(): boolean {
    this.#owesReady = this.tenancy.mustAsk && this.isIdle;
    return this.#owesReady;
  }

  onCopyIn(batch: Batch): void {
    const problem = this.#flight.noteCopyIn(batch);
    if (problem !== null) this.#violate(problem);
  }

  onAllAnswered(): void {
    if (this.status === idle) this.tenancy.settle();
    else if (this.hasWork) this.readOn();
  }

  // --- what the tenancy says ---

  onOpen(server: ServerConnection): void {
    if (this.client.owesWelcome) this.#host.noteReported(this.parameters, server.parameters);
    else this.client.tellParameters(server.parameters);
    const replay = this.#flight.takeReplay();
    if (replay !== null) this.tenancy.write(replay, 0, replay.length);
  }

  onRemembered(): void {
    if (this.#owesReady) this.client.say(readyForQuery(idle));
    this.#owesReady = false;
  }

  onLost(lost: LostServer, wasOpen: boolean, pin: string | null): void {
    if (this.#isClosed) return;
    this.#flight.losses += 1;
    if (this.batches.length === 0) this.#framer.dropRest();
    this.onServerDrain();
    if (this.#owesReady) {
      // What the batch has done to the session is gone before it was remembered.
      this.#owesReady = false;
      return this.client.tellError(errorOfSettings(lost), idle);
    }
    const head = this.batches[0];
    if (head !== undefined) {
      // Not sent yet: it is with the next connection, unless they all go the same way.
      if (!wasOpen && this.#flight.mayRepeat) return;
      return this.#loseBatches(head, lost, pin);
    }
    if (this.status !== idle) this.#refusals.loseTransaction(lost);
    else if (pin !== null) this.#refusals.refuse(errorOfState(pin, lost));
    if (!this.#refusals.isDue) return;
    // A COMMIT may be a Bind of what was prepared before.
    this.#framer.kinds = watchfulKinds;
    // The next batch may have waited for a proof: it is refused, and not run on another connection.
    if (this.hasWork) this.readOn();
  }

  /** Whatever waits for a connection is answered with an error. */
  onDenied(error: SqlError): void {
    if (this.client.owesWelcome) return this.fail({ ...error, severity: "FATAL" });
    if (this.batches.length > 0) this.#failBatches(() => error);
    if (this.hasWork) {
      this.#refusals.refuse(error);
      this.readOn();
    }
    if (this.tenancy.isWanted) this.tenancy.seek();
  }

  /** The client does not keep to the protocol. */
  #violate(message: string): Verdict {
    this.fail({ severity: "FATAL", code: "08P01", message });
    return "drop";
  }

  // --- private: beginning ---

  /** Whether a batch can go to the server now; else something is under way that ends with `readOn`. */
  #mayBegin(): boolean {
    const { tenancy } = this;
    const { isHeld } = this.#host;
    this.#hasNext = true;
    if (!this.hasWork) return false;
    if (tenancy.stage === "resting") tenancy.seek();
    if (tenancy.stage !== "open") return false;
    if (this.batches.length > 0) {
      // Whether it begins in a transaction is not known yet.
      if (isHeld || tenancy.isShared || tenancy.mustAsk || this.batches.length >= limits.batchesMax)
        return false;
    } else if (isHeld && this.status === idle) {
      tenancy.giveBack();
      return false;
    } else if (tenancy.isDoubtful) {
      tenancy.prove();
      return false;
    }
    this.#hasNext = false;
    return true;
  }

  #begin(at: number): void {
    const { lastMs } = this.#host.clock;
    const batch = this.#flight.begin(at - this.#framer.runFrom, lastMs, this.status === idle);
    this.tenancy.noteBegin();
    this.counters.queries += 1;
    this.#host.onBatchBegin(this, batch);
  }

  #refuse(error: SqlError, type: number): Verdict {
    this.counters.relayErrors += 1;
    this.#hasNext = false;
    // What comes before it in its batch is with the server already.
    if (this.#flight.sending !== null) this.fail({ ...error, severity: "FATAL" });
    if (this.#isClosed) return "drop";
    this.#isSkipping = type !== query && type !== functionCall && type !== sync;
    this.client.tellError(error, this.#isSkipping ? null : this.status);
    return "drop";
  }

  // --- private: losing ---

  #loseBatches(head: Batch, lost: LostServer, pin: string | null): void {
    const fate = this.losses.fateOf(lost, pin);
    if (fate.kind === "again") {
      this.counters.retries += 1;
      this.tenancy.mustFail = fate.mustFail;
      this.#answers.again(head);
    } else {
      this.status = fate.isOutside ? idle : failedTransaction;
      this.tenancy.mustFail = !fate.isOutside;
      if (fate.kind === "fail") return this.#failBatches(fate.errorOf);
      const [, next] = this.batches;
      this.batches.shift();
      this.#endBatch(head, fate.error);
      if (next === undefined) return;
      next.beganOutside = fate.isOutside;
      this.#answers.again(next);
    }
    this.#flight.planReplay();
    this.tenancy.isWanted = true;
  }

  #failBatches(errorOf: (batch: Batch) => SqlError): void {
    for (const batch of this.batches.splice(0)) this.#endBatch(batch, errorOf(batch));
  }

  /** A batch that is not in `batches` any more. */
  #endBatch(batch: Batch, error: SqlError | null): void {
    if (error !== null) {
      this.counters.relayErrors += 1;
      batch.errors += 1;
      this.client.tellError(error, batch.isSent ? this.status : null);
    } else if (batch.isSent) this.client.say(readyForQuery(this.status));
    if (!batch.isSent) this.#isSkipping = true;
    if (this.batches.length === 0) {
      this.#flight.clear();
      this.#framer.dropRest();
      this.#isSwallowing = true;
    }
    batch.endedMs = this.#host.clock.lastMs;
    this.tenancy.memory.forgetUnprepared(batch);
    this.#host.onBatchEnd(this, batch);
  }
}
