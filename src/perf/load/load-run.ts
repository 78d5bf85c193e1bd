/**
 * One run of a plan: opens the connections, keeps them busy, counts, and closes them. It owns every connection, and
 * replaces those that end.
 *
 *   opening ──all opened, or failed once──▶ warm-up ──▶ counting ──deadline──▶ draining ──nothing in flight──▶ over
 */
import type { Clock } from "../../base/clock.ts";
import { type Deadlined, Deadlines } from "../../base/deadlines.ts";
import { randomOf, WeightedChoice } from "./choice.ts";
import {
  ClientConnection,
  type ConnectionOwner,
  type ConnectionState,
  type Dialer,
  type Failure,
} from "./client-connection.ts";
import { connectionsMax, openingsMax, reopenPauseMs, timeoutSlackMs } from "./limits.ts";
import type { LoadPhase, LoadPlan, LoadResult } from "./plan.ts";
import { HttpProtocol } from "./protocol.ts";
import { httpRequest, type ReadyRequest, webSocketMessage } from "./request-bytes.ts";
import { Schedule } from "./schedule.ts";
import { Tally } from "./tally.ts";
import { WebSocketProtocol } from "./websocket-protocol.ts";

/** What is due exactly at the deadline is not due before it. Milliseconds. */
const beforeMs = 1e-6;

export interface LoadRunOptions {
  plan: LoadPlan;
  dialer: Dialer;
  clock: Clock;
  /** Of this process so far, user and system. Milliseconds. */
  cpuMs: () => number;
  onPhase: (phase: LoadPhase) => void;
}

/** Runs the plan over connections of the dialer. @throws {RangeError} for a plan that cannot be run */
export function runPlan(options: LoadRunOptions): Promise<LoadResult> {
  return new LoadRun(options).start();
}

class LoadRun implements ConnectionOwner {
  readonly #options: LoadRunOptions;
  readonly #plan: LoadPlan;
  readonly #deadlines: Deadlines;
  readonly #ready: ReadyRequest[];
  readonly #choice: WeightedChoice;
  readonly #requestsMax: number;
  readonly #tally = new Tally();
  readonly #over = Promise.withResolvers<LoadResult>();
  readonly #connections = new Set<ClientConnection>();
  /** The one that is idle longest comes first. */
  readonly #idle = new Set<ClientConnection>();
  #phase: LoadPhase = "opening";
  #isOver = false;
  /** Connections that wait until others have been opened. Count. */
  #toOpen: number;
  #opening = 0;
  /** Attempts to connect until the first round counts as done. Count. */
  #unsettled: number;
  #busy = 0;
  /** Counted requests that were begun, and that have come to any end. */
  #begun = 0;
  #ended = 0;
  #schedule: Schedule | null = null;
  #pumpTimer: ReturnType<typeof setTimeout> | null = null;
  #phaseTimer: ReturnType<typeof setTimeout> | null = null;
  #phaseEndMs = Number.POSITIVE_INFINITY;
  #warmUpStartMs = Number.POSITIVE_INFINITY;
  #countStartMs = Number.POSITIVE_INFINITY;
  #countEndMs = Number.POSITIVE_INFINITY;
  #cpuMs = 0;
  #unsent = 0;

  constructor(options: LoadRunOptions) {
    const { plan, clock } = options;
    const { concurrency, ratePerS } = plan;
    if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= connectionsMax)) {
      throw new RangeError(`Cannot run: concurrency has to be 1 to ${connectionsMax}`);
    }
    if (ratePerS !== null && !(ratePerS > 0)) {
      throw new RangeError("Cannot run: the rate has to be more than 0 per second");
    }
    this.#options = options;
    this.#plan = plan;
    this.#deadlines = new Deadlines(clock);
    this.#ready = plan.requests.map(plan.transport === "http" ? httpRequest : webSocketMessage);
    const weights = plan.requests.map((request) => request.weight ?? 1);
    this.#choice = new WeightedChoice(weights, randomOf(plan.seed));
    this.#requestsMax = plan.maxRequests ?? Number.POSITIVE_INFINITY;
    this.#toOpen = concurrency;
    this.#unsettled = concurrency;
  }

  start(): Promise<LoadResult> {
    this.#deadlines.start();
    const openingMsMax = this.#plan.clientTimeoutMs + timeoutSlackMs;
    this.#enter("opening", this.#options.clock.nowMs(), openingMsMax);
    this.#open();
    return this.#over.promise;
  }

  // --- what connections say ---

  onIdle(connection: ClientConnection, isFirst: boolean): void {
    // The ordinary case of a closed loop: the end of one answer is the beginning of the next request.
    if (!isFirst && this.#schedule === null && this.#isLoading && this.#mayBegin()) {
      return this.#begin(connection, connection.idleMs);
    }
    this.#idle.add(connection);
    if (isFirst) this.#settle();
    if (this.#isLoading) this.#pump(this.#options.clock.nowMs());
    else if (this.#phase === "draining") this.#endWhenIdle();
  }

  onAnswer(connection: ClientConnection, nowMs: number): void {
    this.#busy -= 1;
    if (connection.begunMs >= this.#countStartMs) {
      this.#ended += 1;
      if (nowMs > this.#countEndMs) this.#tally.late();
      else
        this.#tally.answer(connection.status, connection.answerBytes, nowMs - connection.begunMs);
    }
    this.#look(nowMs);
  }

  onGone(connection: ClientConnection, failure: Failure | null, from: ConnectionState): void {
    this.#connections.delete(connection);
    this.#idle.delete(connection);
    const { begunMs } = connection;
    const isRequest = from === "busy";
    if (isRequest) this.#busy -= 1;
    // What cannot even be reached is no warm-up.
    const counts = begunMs >= this.#countStartMs || (!isRequest && begunMs < this.#warmUpStartMs);
    if (isRequest && counts) this.#ended += 1;
    if (failure !== null && counts) this.#tally.failure(failure, connection.status);
    // A server that closes what it has just accepted is not hammered either.
    this.#replace(failure === null && connection.hasAnswered);
    if (from === "opening" || from === "greeting") this.#settle();
    this.#look(this.#options.clock.nowMs());
    if (this.#phase === "draining") this.#endWhenIdle();
  }

  // --- connections ---

  #open(): void {
    const { plan, dialer, clock } = this.#options;
    if (this.#phase === "draining") return;
    while (this.#toOpen > 0 && this.#opening < openingsMax) {
      this.#toOpen -= 1;
      this.#opening += 1;
      const connection = new ClientConnection({
        owner: this,
        protocol:
          plan.transport === "http"
            ? new HttpProtocol()
            : new WebSocketProtocol(plan.requests[this.#choice.next()]!),
        deadlines: this.#deadlines,
        clientTimeoutMs: plan.clientTimeoutMs,
        nowMs: () => clock.nowMs(),
      });
      this.#connections.add(connection);
      connection.dial(dialer);
    }
  }

  /** One attempt to connect has ended, well or not. */
  #settle(): void {
    this.#opening -= 1;
    this.#unsettled -= 1;
    this.#open();
    if (this.#unsettled === 0 && this.#phase === "opening") {
      this.#advance(this.#options.clock.nowMs());
    }
  }

  #replace(atOnce: boolean): void {
    if (this.#phase === "draining") return;
    if (this.#phase === "counting") this.#tally.reconnect();
    if (atOnce) {
      this.#toOpen += 1;
      return this.#open();
    }
    const pause: Deadlined = {
      deadlineMs: this.#deadlines.after(reopenPauseMs),
      onDeadline: () => {
        this.#deadlines.remove(pause);
        this.#toOpen += 1;
        this.#open();
      },
    };
    this.#deadlines.add(pause);
  }

  // --- requests ---

  get #isLoading(): boolean {
    return this.#phase === "warm-up" || this.#phase === "counting";
  }

  #mayBegin(): boolean {
    return this.#begun < this.#requestsMax;
  }

  #begin(connection: ClientConnection, begunMs: number): void {
    this.#busy += 1;
    if (begunMs >= this.#countStartMs) this.#begun += 1;
    connection.send(this.#ready[this.#choice.next()]!, begunMs);
  }

  /** Sends what is due, as far as there are idle connections. */
  #pump(nowMs: number): void {
    const schedule = this.#schedule;
    for (const connection of this.#idle) {
      if (!this.#mayBegin()) return;
      if (schedule !== null && schedule.dueMs > nowMs)
        return this.#pumpLater(schedule.dueMs - nowMs);
      this.#idle.delete(connection);
      this.#begin(connection, schedule?.take(nowMs, connection.idleMs) ?? nowMs);
    }
  }

  #pumpLater(ms: number): void {
    this.#pumpTimer ??= setTimeout(() => {
      this.#pumpTimer = null;
      const nowMs = this.#options.clock.nowMs();
      this.#look(nowMs);
      if (this.#isLoading) this.#pump(nowMs);
    }, Math.ceil(ms));
  }

  // --- phases ---

  /** Whatever has happened, the phase may be over. */
  #look(nowMs: number): void {
    if (this.#isOver) return;
    if (nowMs >= this.#phaseEndMs) this.#advance(nowMs);
    else if (this.#ended >= this.#requestsMax && this.#phase === "counting") {
      this.#countEndMs = nowMs;
      this.#advance(nowMs);
    }
  }

  #advance(nowMs: number): void {
    const { plan, clock, cpuMs } = this.#options;
    switch (this.#phase) {
      case "opening":
        this.#warmUpStartMs = nowMs;
        this.#enter("warm-up", nowMs, plan.warmUpMs);
        break;
      case "warm-up":
        this.#countStartMs = nowMs;
        this.#countEndMs = nowMs + plan.durationMs;
        this.#cpuMs = cpuMs();
        this.#enter("counting", nowMs, plan.durationMs);
        break;
      case "counting":
        // Due before the deadline, and only our own timer was late: they are sent, and are late.
        if (this.#schedule !== null) this.#pump(this.#countEndMs - beforeMs);
        this.#cpuMs = cpuMs() - this.#cpuMs;
        this.#unsent = this.#mayBegin()
          ? (this.#schedule?.untakenBefore(this.#countEndMs) ?? 0)
          : 0;
        this.#enter("draining", nowMs, Number.POSITIVE_INFINITY);
        return this.#endWhenIdle();
      case "draining":
        return;
    }
    // What was due in the warm-up and was not sent is forgotten: it is not what is measured.
    if (plan.ratePerS !== null) this.#schedule = new Schedule(nowMs, plan.ratePerS);
    if (this.#phaseEndMs <= nowMs) return this.#advance(nowMs);
    this.#pump(clock.nowMs());
  }

  #enter(phase: LoadPhase, nowMs: number, durationMs: number): void {
    this.#phase = phase;
    this.#phaseEndMs = nowMs + durationMs;
    if (this.#phaseTimer !== null) clearTimeout(this.#phaseTimer);
    this.#phaseTimer = null;
    this.#options.onPhase(phase);
    if (phase !== "draining") this.#lookAfter(durationMs);
  }

  #lookAfter(ms: number): void {
    this.#phaseTimer = setTimeout(() => {
      const nowMs = this.#options.clock.nowMs();
      // Timers are up to a millisecond early too.
      if (nowMs < this.#phaseEndMs) this.#lookAfter(1);
      else this.#look(nowMs);
    }, Math.ceil(ms));
  }

  #endWhenIdle(): void {
    if (this.#busy > 0 || this.#isOver) return;
    this.#isOver = true;
    if (this.#pumpTimer !== null) clearTimeout(this.#pumpTimer);
    this.#deadlines.stop();
    for (const connection of this.#connections) connection.close();
    this.#over.resolve(
      this.#tally.result({
        // To the microsecond: the difference of two clock times has digits that mean nothing.
        durationMs: Math.round((this.#countEndMs - this.#countStartMs) * 1000) / 1000,
        unsent: this.#unsent,
        cpuMs: this.#cpuMs,
      }),
    );
  }
}
