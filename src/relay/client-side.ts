/**
 * What a session tells its client: responses as the server sends them, and what the relay has to say itself. Knows what
 * the client believes of the server's settings.
 */
import type { Deadlined, Deadlines } from "../base/deadlines.ts";
import * as limits from "./limits.ts";
import {
  errorResponse,
  parameterStatus,
  readyForQuery,
  type SqlError,
  welcome,
} from "./messages.ts";
import type { Outlet } from "./outlet.ts";
import type { RelayCounters } from "./relay-api.ts";
import { readParameter } from "./server-login.ts";

export interface ClientSideOptions {
  outlet: Outlet;
  deadlines: Deadlines;
  counters: RelayCounters;
  /** The client takes too little to be sent more: the server is not read until `onEmpty`. */
  onFull(): void;
  onEmpty(): void;
  /** It has taken nothing for too long. */
  onStalled(): void;
}

export class ClientSide implements Deadlined {
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The client does not know yet that its log-in has succeeded. */
  owesWelcome = true;
  readonly #options: ClientSideOptions;
  readonly #outlet: Outlet;
  /** How long it may take nothing. Milliseconds. */
  #patienceMs: number = limits.stalledMsMax;
  #hasEnded = false;
  #believed: ReadonlyMap<string, string> = new Map();

  constructor(options: ClientSideOptions) {
    this.#options = options;
    this.#outlet = options.outlet;
    options.deadlines.add(this);
  }

  /** As the server reports it. */
  get applicationName(): string {
    return this.#believed.get("application_name") ?? "";
  }

  /** It has not taken what it was sent, so that nothing more is read for it. */
  get isFull(): boolean {
    return this.#outlet.unsentBytes > limits.unsentBytesMax;
  }

  /** How long it has taken nothing of what waits for it; 0 while that is little. Milliseconds. */
  get stalledMs(): number {
    if (this.#hasEnded || this.deadlineMs === Number.POSITIVE_INFINITY) return 0;
    return this.#options.deadlines.nowMs - this.deadlineMs + this.#patienceMs;
  }

  /** Passes bytes on. */
  tell(bytes: Buffer, from: number, end: number): void {
    const { counters, deadlines, onFull } = this.#options;
    counters.bytesToClients += end - from;
    this.#outlet.write(bytes, from, end);
    if (this.#outlet.unsentBytes <= limits.unsentBytesMax) return;
    onFull();
    // More that waits for it is nothing that it takes.
    if (this.deadlineMs < Number.POSITIVE_INFINITY) return;
    this.deadlineMs = deadlines.after(this.#patienceMs);
  }

  say(bytes: Buffer): void {
    this.tell(bytes, 0, bytes.length);
  }

  /** An error. @param status that of the ReadyForQuery behind it; null for none */
  tellError(error: SqlError, status: number | null): void {
    const told = errorResponse(error);
    this.say(status === null ? told : Buffer.concat([told, readyForQuery(status)]));
  }

  /** The log-in is over. */
  welcome(parameters: ReadonlyMap<string, string>, pid: number, key: Buffer): void {
    this.owesWelcome = false;
    this.#believed = parameters;
    this.say(welcome(parameters, pid, key));
  }

  /** The client hears a ParameterStatus. */
  noteTold(bytes: Buffer, at: number, end: number): void {
    this.#believed = new Map(this.#believed).set(...readParameter(bytes, at, end));
  }

  /** Tells it which settings are not what it believes. */
  tellParameters(parameters: ReadonlyMap<string, string>): void {
    if (parameters === this.#believed) return;
    const changes = [...parameters].filter(([name, value]) => this.#believed.get(name) !== value);
    this.#believed = parameters;
    if (changes.length === 0) return;
    this.say(Buffer.concat(changes.map(([name, value]) => parameterStatus(name, value))));
  }

  /** The client takes more. */
  onDrain(): void {
    const { deadlines, onEmpty } = this.#options;
    const isEmpty = this.#outlet.drain();
    // However slowly it reads, it does.
    if (isEmpty) this.deadlineMs = Number.POSITIVE_INFINITY;
    else if (this.deadlineMs < Number.POSITIVE_INFINITY) {
      this.deadlineMs = deadlines.after(this.#patienceMs);
    }
    if (isEmpty && this.#hasEnded) deadlines.remove(this);
    if (isEmpty) onEmpty();
  }

  onDeadline(): void {
    this.#options.onStalled();
    this.#outlet.reset();
    this.#options.deadlines.remove(this);
  }

  /** Closes when everything has left, or when it takes nothing of that. */
  end(): void {
    const { deadlines } = this.#options;
    this.#hasEnded = true;
    this.#outlet.end();
    if (this.#outlet.unsentBytes === 0) return deadlines.remove(this);
    this.#patienceMs = limits.stalledWantedMsMax;
    this.deadlineMs = deadlines.after(this.#patienceMs);
  }

  /** Nothing is read from the client. */
  pause(): void {
    this.#outlet.pause();
  }

  resume(): void {
    this.#outlet.resume();
  }
}
