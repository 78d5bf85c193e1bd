/**
 * One connection of a client, over a real socket or one in memory: opens, sends one request, reads its answer, and is
 * ready for the next. Whoever owns it decides what is sent and what counts.
 *
 *   opening ──open──▶ greeting ──▶ idle ⇄ busy ──▶ closed
 *      └──refused, too late──▶ closed      (the connection of a request that failed is not used again)
 */
import type { Deadlined, Deadlines } from "../../base/deadlines.ts";
import type { LoadErrors } from "./plan.ts";
import type { Protocol, Reading } from "./protocol.ts";
import type { ReadyRequest } from "./request-bytes.ts";

/** The part of a Bun socket that is used. */
export interface LoadSocket {
  /** Takes what it can at once; returns the bytes taken, or -1 when closed. */
  write(data: Uint8Array, byteOffset?: number, byteLength?: number): number;
  /** Closes both directions; what was taken is still delivered. */
  end(): void;
}

/** What a dialer tells. */
export interface SocketEvents {
  onOpen(socket: LoadSocket): void;
  /** The connection could not be opened. */
  onRefused(): void;
  onData(chunk: Buffer): void;
  onDrain(): void;
  /** The other side has closed, or broken off. Twice is safe. */
  onClose(): void;
}

export interface Dialer {
  /** Opens a connection; what becomes of it is told later, never during the call. */
  dial(events: SocketEvents): void;
}

export type Failure = keyof LoadErrors;

export interface ConnectionOwner {
  /** A request may be sent: the first one, or the next after `onAnswer`. */
  onIdle(connection: ClientConnection, isFirst: boolean): void;
  /** A whole answer has come. */
  onAnswer(connection: ClientConnection, nowMs: number): void;
  /**
   * The connection is gone; with null nothing had been asked of it, or all was answered. `status`: it was refused with
   * one before it could be used. Called once.
   */
  onGone(connection: ClientConnection, failure: Failure | null, from: ConnectionState): void;
}

export type ConnectionState = "opening" | "greeting" | "idle" | "busy" | "closed";

export interface ConnectionOptions {
  owner: ConnectionOwner;
  protocol: Protocol;
  deadlines: Deadlines;
  /** For opening with its greeting, and for each answer. */
  clientTimeoutMs: number;
  nowMs: () => number;
}

export class ClientConnection implements Deadlined, SocketEvents {
  deadlineMs = Number.POSITIVE_INFINITY;
  /** When the latest request began, as its sender sees it; before the first one, when the connection was dialled. */
  begunMs = 0;
  /** Since when it is idle. */
  idleMs = 0;
  hasAnswered = false;
  readonly #options: ConnectionOptions;
  #state: ConnectionState = "opening";
  #socket: LoadSocket | null = null;
  /** `#unsent[#unsentStart..)` waits for the kernel. */
  #unsent: Buffer | null = null;
  #unsentStart = 0;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Of the latest answer. */
  get status(): number {
    return this.#options.protocol.status;
  }

  /** Of the latest answer. */
  get answerBytes(): number {
    return this.#options.protocol.bytes;
  }

  dial(dialer: Dialer): void {
    this.begunMs = this.#options.nowMs();
    this.#options.deadlines.add(this);
    this.#await();
    dialer.dial(this);
  }

  /** Sends a request over an idle connection. Returns false when it has closed meanwhile. */
  send(request: ReadyRequest, begunMs: number): boolean {
    if (this.#state !== "idle") return false;
    this.#state = "busy";
    this.begunMs = begunMs;
    this.#options.protocol.begin(request);
    this.#await();
    this.#write(request.bytes);
    return true;
  }

  /** Closes it without a word to the owner. Twice is safe. */
  close(): void {
    if (this.#state === "closed") return;
    const { farewell } = this.#options.protocol;
    if (this.#state === "idle" && farewell !== null) this.#write(farewell);
    this.#state = "closed";
    this.#unsent = null;
    this.#options.deadlines.remove(this);
    this.#socket?.end();
    this.#socket = null;
  }

  // --- what the dialer says ---

  onOpen(socket: LoadSocket): void {
    // It took too long; nobody waits for it any more.
    if (this.#state === "closed") return void socket.end();
    this.#socket = socket;
    const { greeting } = this.#options.protocol;
    if (greeting === null) return this.#rest();
    this.#state = "greeting";
    this.#write(greeting);
  }

  onRefused(): void {
    if (this.#state === "opening") this.#fail("refused");
  }

  onData(chunk: Buffer): void {
    const { protocol } = this.#options;
    switch (this.#state) {
      case "busy":
      case "greeting":
        return this.#onReading(protocol.read(chunk));
      case "idle": {
        const reading = protocol.readUnasked(chunk);
        this.#reply();
        if (reading === "malformed") this.#fail("protocol");
        else if (reading === "closed") this.#fail(null);
        return;
      }
      default:
    }
  }

  onDrain(): void {
    if (this.#unsent === null || this.#socket === null) return;
    this.#write(this.#unsent, this.#unsentStart);
    this.#reply();
  }

  onClose(): void {
    if (this.#state === "busy" && this.#options.protocol.endInput()) this.#onReading("done");
    else if (this.#state === "idle") this.#fail(null);
    else this.#fail("reset");
  }

  onDeadline(): void {
    this.#fail("timeout");
  }

  // --- private ---

  #onReading(reading: Reading): void {
    const { owner, protocol, nowMs } = this.#options;
    this.#reply();
    if (reading === "more") return;
    if (reading === "malformed") return this.#fail("protocol");
    if (reading === "closed") return this.#fail("reset");
    if (this.#state === "greeting")
      return protocol.keepsAlive ? this.#rest() : this.#fail("status");
    const isReusable = protocol.keepsAlive && this.#unsent === null;
    const endedMs = nowMs();
    this.idleMs = endedMs;
    this.#state = "idle";
    this.hasAnswered = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    owner.onAnswer(this, endedMs);
    // The owner may have closed it.
    if (this.#state !== "idle") return;
    if (isReusable) owner.onIdle(this, false);
    else this.#fail(null);
  }

  /** The first time that it can be used. */
  #rest(): void {
    this.#state = "idle";
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.idleMs = this.#options.nowMs();
    this.#options.owner.onIdle(this, true);
  }

  /** Behind a request that has not left whole it would be read as part of it. */
  #reply(): void {
    const { protocol } = this.#options;
    const { reply } = protocol;
    if (reply === null || this.#unsent !== null || this.#socket === null) return;
    protocol.reply = null;
    this.#write(reply);
  }

  #fail(failure: Failure | null): void {
    const from = this.#state;
    if (from === "closed") return;
    this.close();
    this.#options.owner.onGone(this, failure, from);
  }

  #write(bytes: Buffer, start = 0): void {
    const taken = this.#socket!.write(bytes, start, bytes.length - start);
    // Closed: `onClose` says so.
    if (taken < 0) return;
    const next = start + taken;
    this.#unsent = next < bytes.length ? bytes : null;
    this.#unsentStart = next;
  }

  #await(): void {
    this.deadlineMs = this.#options.deadlines.after(this.#options.clientTimeoutMs);
  }
}
