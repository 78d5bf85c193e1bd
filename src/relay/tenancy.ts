/**
 * A session's use of server connections: gets one when it is needed, makes the session's state anew on it, proves that it
 * lives after a silence, and gives it back.
 *
 *   resting ──seek()──▶ waiting ──connection──▶ preparing ──▶ open ──idle, hold, shortage──▶ preparing ──▶ resting
 *      ▲                   └──too long, refused──▶ resting   (proof, state made anew)      (state asked for)
 *      └──the connection is lost── preparing, open
 */
import type { Deadlined } from "../base/deadlines.ts";
import type { FrameSink } from "./framer.ts";
import * as limits from "./limits.ts";
import { failedTransaction, query, type SqlError, syncMessage } from "./messages.ts";
import type { OwnAnswer } from "./own-query.ts";
import type { ServerConnection, ServerOwner } from "./server-connection.ts";
import type { LostServer } from "./server-lost.ts";
import { answerKinds } from "./session-answers.ts";
import type { SessionHost } from "./session-host.ts";
import { askedFeatures, SessionMemory } from "./session-memory.ts";

/** The session. */
export interface Tenant {
  readonly parameters: ReadonlyMap<string, string>;
  /** Nothing is under way, in no transaction. */
  readonly isIdle: boolean;
  /** The client's next batch waits. */
  readonly hasWork: boolean;
  /** What the last ReadyForQuery said. */
  status: number;
  /** Names of statements that are prepared by what is sent when it is open. */
  readonly unprepared: ReadonlySet<string>;
  /** Batches can flow. */
  onOpen(server: ServerConnection): void;
  /** Reads what the client has sent meanwhile. */
  readOn(): void;
  /** What the session has is known. */
  onRemembered(): void;
  /** @param wasOpen whether batches had flowed. @param pin what cannot be made anew, in words */
  onLost(lost: LostServer, wasOpen: boolean, pin: string | null): void;
  onDenied(error: SqlError): void;
  onNotification(bytes: Buffer): void;
  /** The server takes more. */
  onServerDrain(): void;
}

/** Makes a transaction on a new connection what the one that was lost has become: failed. */
const failTransaction = query("BEGIN; ROLLBACK TO SAVEPOINT lost_with_its_connection");

export class Tenancy implements Deadlined, ServerOwner {
  deadlineMs = Number.POSITIVE_INFINITY;
  readonly memory = new SessionMemory();
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
  readonly #host: SessionHost;
  readonly #answers: FrameSink;
  #awaited: "idle" | "server" = "idle";
  /** Clock time when it got its connection. Milliseconds. */
  #lentMs = 0;
  /** Statements ran since what it has was asked for. */
  #isDirty = false;
  /** It has lost a connection, and has got no other one since. */
  #hasLost = false;
  #isClosed = false;

  constructor(tenant: Tenant, host: SessionHost, answers: FrameSink) {
    this.#tenant = tenant;
    this.#host = host;
    this.#answers = answers;
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

  // --- what the session says ---

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
    this.memory.ran(features, texts);
  }

  /** Nothing is under way, in no transaction. */
  settle(): void {
    if (this.mustAsk) return this.#ask(() => this.#rest());
    this.#rest();
  }

  /** A query that goes to a doubtful connection could be lost without a word: first it has to answer. */
  prove(): void {
    this.#run(syncMessage, limits.proofMs, () => {
      this.stage = "open";
      this.#tenant.readOn();
    });
  }

  /** The client has left. @param isIdle the connection is of use to others */
  close(isIdle: boolean): void {
    this.#isClosed = true;
    this.#host.deadlines.remove(this);
    const { server } = this;
    this.server = null;
    if (server === null) return;
    if (isIdle && this.stage === "open") return this.#host.servers.giveBack(server);
    if (!isIdle) this.#host.servers.cancel(server);
    server.reset("its client has left");
  }

  // --- what the database says ---

  get parameters(): ReadonlyMap<string, string> {
    return this.#tenant.parameters;
  }

  /** A connection that it has asked for. */
  onServer(server: ServerConnection): void {
    this.server = server;
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
    if (this.#isDirty || this.mustAsk) this.#ask(() => this.#release());
    else this.#release();
  }

  onDeadline(): void {
    if (this.#awaited === "idle") return this.yield();
    const { isHeld, counters, servers } = this.#host;
    if (isHeld) return this.#await("server", limits.serverWaitMs);
    counters.lapsedWaits += 1;
    servers.forget(this);
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
    this.stage = "resting";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.#hasLost = true;
    this.mustAsk = false;
    this.memory.drop();
    if (this.memory.isListening) this.isWanted = true;
    this.#tenant.onLost(lost, wasOpen, pin);
    if (this.#tenant.hasWork || this.isWanted) this.seek();
  }

  // --- private ---

  #renew(): void {
    if (this.#hasLost) this.#host.counters.reconnects += 1;
    this.#hasLost = false;
    const renewal = this.memory.renewal(this.#tenant.unprepared);
    if (renewal === null) return this.#onRenewed();
    this.#run(renewal.bytes, limits.ownQueryMs, () => this.#onRenewed(), renewal.readies);
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
    if (this.#tenant.hasWork) return this.#tenant.readOn();
    if (servers.isShort) {
      if (this.idleSinceMs - this.#lentMs > limits.tenureMs) return this.giveBack();
      return this.#await("idle", 0);
    }
    if (idleReleaseMs > 0) this.#await("idle", idleReleaseMs);
  }

  #ask(then: () => void): void {
    this.#run(this.memory.question(), limits.ownQueryMs, (answer) => {
      this.memory.remember(answer);
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
    const isNeeded = !mustGo && (this.#tenant.hasWork || this.memory.isListening);
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
    servers.giveBack(server);
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

  #await(what: "idle" | "server", ms: number): void {
    this.#awaited = what;
    this.deadlineMs = this.#host.deadlines.after(ms);
  }
}
