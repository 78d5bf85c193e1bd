/**
 * A session's use of server connections: gets one when it is needed, makes the session's state anew on it, proves that it
 * lives after a silence, and gives it back.
 *
 *   resting ──seek()──▶ waiting ──connection──▶ preparing ──▶ open ──idle, hold, shortage──▶ preparing ──▶ resting
 *      ▲                   └──too long, refused──▶ resting   (proof, state made anew)      (state asked for)
 *      └──the connection is lost── preparing, open
 */
import type { Deadlined } from "../base/deadlines.ts";
import type { Batch } from "./batch.ts";
import type { Framer, FrameSink } from "./framer.ts";
import * as limits from "./limits.ts";
import { failedTransaction, idle, query, type SqlError, syncMessage } from "./messages.ts";
import type { OwnAnswer } from "./own-query.ts";
import type { ServerConnection, ServerOwner } from "./server-connection.ts";
import type { LostServer } from "./server-lost.ts";
import { answerKinds } from "./session-answers.ts";
import type { SessionHost } from "./session-host.ts";
import { askedFeatures, SessionMemory } from "./session-memory.ts";
import { Feature } from "./statement-features.ts";
import { StatementTranslator, tooLong } from "./statement-translator.ts";

/** The session. */
export interface Tenant {
  /** Tells the client why, and closes. */
  fail(error: SqlError): void;
  readonly parameters: ReadonlyMap<string, string>;
  /** Nothing is under way, in no transaction. */
  readonly isIdle: boolean;
  /** The client's next batch waits. */
  readonly hasWork: boolean;
  /** What the last ReadyForQuery said. */
  status: number;
  /** Under way; they are sent again when it is open. */
  readonly batches: readonly Pick<Batch, "prepared">[];
  /** Batches can flow. */
  onOpen(server: ServerConnection): void;
  /** Reads what the client has sent meanwhile. */
  readOn(): void;
  /** What the session has is known. */
  onRemembered(): void;
  /** @param wasOpen whether batches had flowed. @param pin what cannot be made anew, in words */
  onLost(lost: LostServer, wasOpen: boolean, pin: string | null): void;
  onDenied(error: SqlError): void;
  /** Closes the client's side. */
  leave(): void;
  onNotification(bytes: Buffer): void;
  /** The server takes more. */
  onServerDrain(): void;
}

/** Makes a transaction on a new connection what the one that was lost has become: failed. */
const failTransaction = query("BEGIN; ROLLBACK TO SAVEPOINT lost_with_its_connection");

export class Tenancy implements Deadlined, ServerOwner {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly memory: SessionMemory;
  server: ServerConnection | null = null;
  stage: "resting" | "waiting" | "preparing" | "open" = "resting";
  /** Clock time since when it was idle, for whoever looks for a connection. Milliseconds. */
  idleSinceMs = 0;
  /** The next connection begins within a failed transaction. */
  mustFail = false;
  /** What the session has has to be asked for before its next batch. */
  mustAsk = false;
  /** A connection is needed although the client waits for nothing. */
  isWanted = false;
  readonly #tenant: Tenant;
  readonly #input: Pick<Framer, "isWithin" | "dropRest">;
  readonly #host: SessionHost;
  readonly #answers: FrameSink;
  /** With transaction pooling; null otherwise. */
  readonly #translator: StatementTranslator | null;
  #awaited: "idle" | "server" | "listen" = "idle";
  /** Clock time when it got its connection. Milliseconds. */
  #lentMs = 0;
  /** Statements ran since what it has was asked for. */
  #isDirty = false;
  /** It has lost a connection, and has got no other one since. */
  #hasLost = false;
  #isClosed = false;

  /** @param input what the client sends */
  constructor(
    tenant: Tenant,
    host: SessionHost,
    answers: FrameSink,
    input: Pick<Framer, "isWithin" | "dropRest">,
  ) {
    this.#input = input;
    this.#tenant = tenant;
    this.#host = host;
    const { statements } = host;
    const isShared = statements !== null;
    this.memory = new SessionMemory(isShared);
    this.#translator = isShared
      ? new StatementTranslator(answers, statements, () => tenant.fail(tooLong))
      : null;
    this.#answers = this.#translator?.answers ?? answers;
    host.deadlines.add(this);
  }

  /** It has a connection that it could give back, as far as can be told without asking PostgreSQL. */
  get canYield(): boolean {
    const isFree = this.memory.pin === null && !this.memory.isListening;
    return this.stage === "open" && this.#tenant.isIdle && isFree;
  }

  /** Whether the connection has been silent for so long that it may be gone without a word. */
  get isDoubtful(): boolean {
    return this.#host.clock.lastMs - this.server!.heardMs > limits.doubtAfterMs;
  }

  /** It has another connection for each transaction, and one batch under way at a time. */
  get isShared(): boolean {
    return this.#translator !== null;
  }

  // --- what the session says ---

  /** Sends what the client has sent. */
  write(bytes: Buffer, from: number, end: number): void {
    if (this.#translator === null) this.server!.write(bytes, from, end);
    else this.#translator.write(bytes, from, end);
  }

  /** Asks for a connection. Harmless when it has one, or waits for one. */
  seek(): void {
    if (this.stage !== "resting" || this.#host.isHeld || this.#isClosed) return;
    this.stage = "waiting";
    this.#await("server", limits.serverWaitMs);
    const server = this.#host.servers.take(this);
    if (server !== null) this.onServer(server);
  }

  /** A batch begins. */
  noteBegin(): void {
    this.#isDirty = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** Statements with these features were run; their texts. */
  noteRan(features: number, texts: readonly string[]): void {
    if ((features & askedFeatures) !== 0) this.mustAsk = true;
    if ((features & Feature.deallocatesAll) !== 0 && this.#translator !== null) {
      this.#translator.statements.clear();
      this.server?.statements.clear();
    }
    this.memory.ran(features, texts);
  }

  /** Nothing is under way, in no transaction. */
  settle(): void {
    if (this.mustAsk) return this.#ask(() => this.#rest());
    this.#rest();
  }

  /** A query that goes to a doubtful connection could be lost without a word: first it has to answer. */
  prove(): void {
    // Another connection would be no help to what is lost with this one.
    const isAlone = this.#tenant.status !== idle || this.memory.pin !== null;
    this.#run(syncMessage, isAlone ? limits.aloneProofMs : limits.proofMs, () => {
      this.stage = "open";
      this.#tenant.readOn();
    });
  }

  /** The session was only to learn what a server reports, and knows it now. */
  relax(): void {
    this.isWanted = false;
    if (this.stage !== "waiting" || this.#tenant.hasWork) return;
    this.#host.servers.forget(this);
    this.stage = "resting";
    this.deadlineMs = Number.POSITIVE_INFINITY;
  }

  /** The client has left. @param isIdle the connection is of use to others */
  close(isIdle: boolean): void {
    this.#isClosed = true;
    this.#host.deadlines.remove(this);
    const { server } = this;
    this.server = null;
    if (server === null) return;
    const isUsable = isIdle && !this.#input.isWithin && this.stage === "open";
    if (isUsable && this.isShared && this.memory.pin === null) {
      return this.#host.servers.passOn(server);
    }
    if (isUsable) return this.#host.servers.giveBack(server);
    if (!isIdle) this.#host.servers.cancel(server);
    server.reset("its client has left");
  }

  // --- what the database says ---

  get parameters(): ReadonlyMap<string, string> {
    return this.#tenant.parameters;
  }

  get stateKey(): string {
    return this.memory.stateKey;
  }

  /** A connection that it has asked for. */
  onServer(server: ServerConnection): void {
    this.server = server;
    if (this.#translator !== null) this.#translator.server = server;
    this.#lentMs = this.#host.clock.lastMs;
    server.lend(this, answerKinds, this.#answers);
    if (this.isDoubtful) this.#run(syncMessage, limits.proofMs, () => this.#renew());
    else this.#renew();
  }

  /** There is none for it. */
  onServerDenied(error: SqlError): void {
    this.stage = "resting";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tenant.onDenied(error);
  }

  /** Somebody holds the database, or needs the connection: it is given back when that can be. */
  yield(): void {
    if (this.stage === "open" && this.#tenant.isIdle) this.giveBack();
  }

  /** The hold is over. */
  goOn(): void {
    if (!this.#tenant.hasWork && !this.isWanted) return;
    if (this.stage === "open") this.#tenant.readOn();
    else this.seek();
  }

  giveBack(): void {
    if ((this.#isDirty && !this.isShared) || this.mustAsk) this.#ask(() => this.#release());
    else this.#release();
  }

  onDeadline(): void {
    if (this.#awaited === "idle") return this.yield();
    if (this.#awaited === "listen") return this.#proveListening();
    const { isHeld, counters, servers } = this.#host;
    if (isHeld) return this.#await("server", limits.serverWaitMs);
    counters.lapsedWaits += 1;
    servers.forget(this);
    this.#host.onLapsed();
    this.onServerDenied(servers.whyWaiting());
  }

  // --- what the server says ---

  onServerDrain(): void {
    this.#tenant.onServerDrain();
  }

  onServerNotification(bytes: Buffer): void {
    this.#tenant.onNotification(bytes);
  }

  onServerLost(server: ServerConnection, lost: LostServer): void {
    if (this.server !== server) return;
    const wasOpen = this.stage === "open";
    const { pin } = this.memory;
    this.server = null;
    if (this.#translator !== null) this.#translator.server = null;
    this.stage = "resting";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#hasLost = true;
    this.mustAsk = false;
    this.memory.drop();
    if (this.memory.isListening) this.isWanted = true;
    // It has a part of a message, and would take an error for the rest: to be closed is all that it understands.
    if (lost.isWithin) return this.#tenant.leave();
    this.#tenant.onLost(lost, wasOpen, pin);
    if (this.#tenant.hasWork || this.isWanted) this.seek();
  }

  // --- private ---

  #renew(): void {
    if (this.#hasLost) this.#host.counters.reconnects += 1;
    this.#hasLost = false;
    const server = this.server!;
    const { stateKey, isEmpty } = this.memory;
    const { isReadOnly } = this.#host;
    if (this.isShared ? server.stateKey === stateKey : isEmpty) return this.#onRenewed();
    const mustReset = this.isShared && server.stateKey !== "";
    const unprepared = this.isShared
      ? []
      : this.#tenant.batches.flatMap(({ prepared }) => prepared);
    const renewal = this.memory.renewal(new Set(unprepared), { mustReset, isReadOnly });
    if (renewal === null) return this.#onRenewed();
    // Until it is there, nobody knows what the connection has.
    server.stateKey = "?";
    this.#run(
      renewal.bytes,
      limits.ownQueryMs,
      () => {
        server.stateKey = stateKey;
        this.#onRenewed();
      },
      renewal.readies,
    );
  }

  #onRenewed(): void {
    if (!this.mustFail) return this.#open();
    this.#run(failTransaction, limits.ownQueryMs, () => {
      this.mustFail = false;
      this.#tenant.status = failedTransaction;
      this.#open();
    });
  }

  #open(): void {
    this.stage = "open";
    this.isWanted = false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#tenant.onOpen(this.server!);
    if (this.#tenant.hasWork) this.#tenant.readOn();
    else if (this.stage === "open" && this.#tenant.isIdle) this.#rest();
  }

  #rest(): void {
    const { isHeld, servers, idleReleaseMs, clock } = this.#host;
    this.idleSinceMs = clock.lastMs;
    if (isHeld || this.server!.isStale) return this.giveBack();
    if (this.isShared && this.memory.pin === null) {
      // Whoever has the next batch here already keeps the connection, unless others wait for one.
      if (this.#tenant.hasWork && !servers.isShort) return this.#tenant.readOn();
      return this.#release();
    }
    if (this.#tenant.hasWork) return this.#tenant.readOn();
    if (servers.isShort && this.idleSinceMs - this.#lentMs > limits.tenureMs)
      return this.giveBack();
    // It asks for nothing and would never find out that nobody talks to it any more.
    if (this.memory.isListening) this.#await("listen", limits.listenProofEveryMs);
    else if (idleReleaseMs > 0) this.#await("idle", idleReleaseMs);
  }

  #proveListening(): void {
    if (this.stage !== "open" || !this.#tenant.isIdle) return;
    const isPinned = this.memory.pin !== null;
    this.#run(syncMessage, isPinned ? limits.aloneProofMs : limits.listenProofMs, () => {
      this.stage = "open";
      this.#rest();
    });
  }

  #ask(then: () => void): void {
    this.#run(this.memory.question(), limits.ownQueryMs, (answer) => {
      this.memory.remember(answer);
      if (this.isShared) this.server!.stateKey = this.memory.stateKey;
      this.mustAsk = false;
      this.#isDirty = false;
      this.stage = "open";
      this.#tenant.onRemembered();
      then();
    });
  }

  #release(): void {
    const { isHeld, counters, servers } = this.#host;
    const server = this.server!;
    const mustGo = isHeld || server.isStale;
    const isWorking = this.#tenant.hasWork && !this.isShared;
    const isNeeded = !mustGo && (isWorking || this.memory.isListening);
    if (this.memory.pin !== null || isNeeded) {
      // Whoever holds the database waits in vain, and is told so.
      if (this.#tenant.hasWork && !isHeld) this.#tenant.readOn();
      return;
    }
    this.server = null;
    this.stage = "resting";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    counters.releases += 1;
    this.isWanted = this.memory.isListening;
    const { isWithin } = this.#input;
    this.#input.dropRest();
    if (isWithin) server.reset("it waits for the rest of COPY data");
    else if (this.isShared) servers.passOn(server);
    else servers.giveBack(server);
    if (this.#tenant.hasWork || this.isWanted) this.seek();
  }

  /** A query of the relay's own; when the connection is lost meanwhile, `onServerLost` says what happens. */
  #run(bytes: Buffer, timeoutMs: number, then: (answer: OwnAnswer) => void, readies = 1): void {
    const server = this.server!;
    this.stage = "preparing";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    server.run(bytes, readies, timeoutMs, (answer) => {
      if (answer !== null && this.server === server) then(answer);
    });
  }

  #await(what: "idle" | "server" | "listen", ms: number): void {
    this.#awaited = what;
    this.deadlineMs = this.#host.deadlines.after(ms);
  }
}
