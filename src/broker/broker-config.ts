/** Everything a broker is told when it starts. Ranges and defaults are those of `broker-settings.ts`. */

export type TokenEnforcement = "log" | "enforce";
export type CordonAction = "skip" | "dismiss";
export type BrokerLogLevel = "info" | "warn" | "error";

export interface BrokerConfig {
  /** Address for polls and `/connect`. */
  host: string;
  /** 0 = any free one. */
  port: number;
  /** For dispatches, metrics and control; null: on `port` too. */
  dispatchPort: number | null;
  dispatchHost: string;
  /** Whether it may listen where another broker does, which is about to end; else that is refused. */
  sharePort: boolean;
  /** `authorization: Bearer …` that dispatches, metrics and control must show; null for none. */
  dispatchToken: string | null;

  /** Whether runners are told to wait for work at all. */
  isOn: boolean;
  /** Told in `/connect`: how long one poll is held. Milliseconds. */
  connectionTimeoutMs: number;
  /** Told in `/connect`: how long a runner goes on polling. Milliseconds. */
  keepaliveMs: number;

  /** How long an offer waits for its claim. Milliseconds. */
  claimTimeoutMs: number;
  /** For one dispatch, over all its offers. Milliseconds. */
  dispatchTimeoutMs: number;
  /** For one dispatch. Count. */
  offersMax: number;
  /** A waiter whose poll came less than this ago is answered without an offer; 0: never. Milliseconds. */
  directWithinMs: number;
  /** After the start: how long a dispatch waits for a runner that may be about to come back. Milliseconds; 0: never. */
  startHoldMs: number;

  /** Waiters in total. Count. */
  waitersMax: number;
  /** Idle runners of one key; more are dismissed. Count; 0: no limit. */
  waitersPerKeyMax: number;
  /** Of one message. Bytes. */
  messageBytesMax: number;

  /** How long a verdict is kept for repetitions. Milliseconds. */
  verdictTtlMs: number;
  /** Count. */
  verdictsMax: number;
  /** How long a delivered message is kept, in case its runner polls again without it. Milliseconds; 0: never. */
  retainMs: number;
  /** Of all messages that are kept. Bytes. */
  retainBytesMax: number;

  /** HS256 secret of deployment tokens; null: they are decoded and believed. */
  tokenSecret: string | null;
  tokenEnforcement: TokenEnforcement;

  /** Machines whose runners get nothing. */
  cordoned: readonly string[];
  /** File with one machine per line, read again when it changes; null for none. */
  cordonFile: string | null;
  /** Whether nodes that Kubernetes says are unschedulable are cordoned. */
  cordonKubernetes: boolean;
  cordonAction: CordonAction;

  /** Base URLs of all brokers, this one among them; none: it is alone. */
  peers: readonly string[];
  /** `host:port` whose addresses are the brokers; null for none. */
  peersDns: string | null;
  /** Which of the peers this one is; null: found out. */
  selfUrl: string | null;

  /** How long SIGTERM spreads the end of its waiters over. Milliseconds. */
  drainMs: number;
  logLevel: BrokerLogLevel;
}
