/**
 * What the broker's parts say to each other: the core (`broker.ts`), which decides and knows no socket, and the server, which
 * has the sockets and decides nothing. All calls are synchronous; each may call back before it returns.
 */
import type { Message } from "./message.ts";

/** The four fields that a runner and a message must share, as one text; see `match-key.ts`. */
export type MatchKey = string;

/** A runner's request for work, as read from its head. The same object for each poll with the same head. */
export interface Poll {
  readonly key: MatchKey;
  /** `x-trigger-workload-controller-id`: one per runner process. May be empty. */
  readonly controller: string;
  /** `x-trigger-worker-instance-name`: the machine that it runs on. May be empty. */
  readonly instance: string;
  /** Of the connection. Without a port. */
  readonly address: string;
}

/** What the target of a redirected poll says. All zero and null for a first one. */
export interface PollPath {
  /** The offer that it claims. */
  readonly lease: string | null;
  /** Redirects of this fetch so far. Clients follow 20 (Node) or 126 (Bun). */
  readonly hops: number;
  /** Of the client's time for this fetch, used up before. Milliseconds. */
  readonly elapsedMs: number;
}

/** One held request of a runner, of the server. Exactly one of these is called, once, unless the client goes first. */
export interface PollSocket {
  /** 200 with the bytes of the message. */
  deliver(message: Message): void;
  /** 307; the client asks for the location at once. */
  redirect(location: string): void;
  /** 410: the runner exits with 0. */
  dismiss(): void;
  /** Ends the connection without an answer: the client polls again after a pause of its own. */
  close(): void;
}

/** A poll that the core keeps. The server hands it back when its connection ends. */
export interface Waiter {
  readonly poll: Poll;
}

/** A supervisor's message for some idle runner. */
export interface Dispatch {
  /** Empty when the message lacks one of the four fields: a miss, `bad_key`. */
  readonly key: MatchKey;
  /** `snapshot.friendlyId`: names this attempt at the run; what makes a repetition one. */
  readonly snapshot: string;
  /** `run.friendlyId`, for the log. */
  readonly run: string;
  readonly traceparent: string;
  /** The inner message, byte for byte as it came; valid for as long as anybody holds it. */
  readonly message: Message;
}

/** Why a dispatch was answered `didWarmStart: false`. */
export type MissReason =
  | "no_waiter"
  | "unclaimed"
  | "cordoned"
  | "draining"
  | "off"
  | "bad_key"
  | "overloaded";

/** What became of a dispatch: a runner took its message, or why none did. */
export type Outcome = "taken" | MissReason;

/** Who asked. `answer` is called once, unless `Broker.dispatcherGone` was. */
export interface Dispatcher {
  answer(didWarmStart: boolean): void;
}

/** Told to runners by `GET /connect`. Both 0: go home. Milliseconds. */
export interface ConnectAnswer {
  connectionTimeoutMs: number;
  keepaliveMs: number;
}

/**
 * The core, as the server uses it. It takes the time from the last look at the `TurnClock` that both were given: the server
 * looks once in each callback of a socket, before it calls.
 */
export interface BrokerCore {
  connect(address: string): ConnectAnswer;
  /**
   * @param sameSocket the latest answer on this connection was a delivery to a poll with the same `controller`: whoever asks
   *   again on it has read that answer to its end, though perhaps after it had given up
   * @returns null when it was answered at once
   */
  poll(poll: Poll, path: PollPath, socket: PollSocket, sameSocket: boolean): Waiter | null;
  /** Whether it is a lease of this process, open or over; another's is for the broker that owns the key. */
  isOwnLease(lease: string): boolean;
  /** The client has gone, or its time is over. Twice is safe. */
  gone(waiter: Waiter): void;
  /** A delivery or a redirect did not leave whole: the connection broke first. May be told from within that very call. */
  lost(poll: Poll, socket: PollSocket): void;
  /** @returns what `dispatcherGone` wants */
  dispatch(dispatch: Dispatch, dispatcher: Dispatcher): object;
  /** Its connection ended before the answer. Twice is safe. */
  dispatcherGone(handle: object): void;
  /** Looks at what is due. Call it every `tickMs`. */
  tick(): void;
}

/** One finished dispatch, for the log. */
export interface DispatchRecord {
  snapshot: string;
  run: string;
  key: MatchKey;
  traceparent: string;
  didWarmStart: boolean;
  /** Null for a hit. Of a verdict that was given before: its reason. */
  reason: MissReason | null;
  /** A verdict that was given before. */
  isRepeated: boolean;
  mode: "direct" | "claimed" | null;
  offers: number;
  lapses: number;
  controller: string;
  instance: string;
  bytes: number;
  /** From the dispatch to its answer. Milliseconds. */
  tookMs: number;
}
