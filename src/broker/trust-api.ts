/**
 * Whom the broker believes, as the server and the core use it: tokens of runners, the dispatch token, machines that are
 * cordoned, and the other brokers. All calls but the `close`s are made on the hot path and neither wait nor throw.
 */
import type { MatchKey } from "./broker-api.ts";

/** What an `x-trigger-deployment-id` turned out to be. */
export type TokenClass =
  | "jwt_valid"
  /** Decoded and believed: there is no secret to verify it with. */
  | "jwt_unverified"
  | "jwt_invalid"
  | "jwt_expired"
  | "version_mismatch"
  | "bare"
  | "undecodable";

export interface DeploymentReading {
  /** What the key is made with. Never the token, nor a part of it that could be used as one. */
  readonly deployment: string;
  /** Answer 401: its runner exits with 0. */
  readonly isRefused: boolean;
  readonly tokenClass: TokenClass;
  /** Wall-clock time until which it may be remembered with the head it came in; `Infinity`: for ever. Milliseconds. */
  readonly untilMs: number;
}

export interface DeploymentTokens {
  /**
   * Verifies a token once, as long as it is remembered.
   *
   * @param header `x-trigger-deployment-id`: a friendlyId or a token
   * @param version `x-trigger-deployment-version`
   */
  read(header: string, version: string): DeploymentReading;
  facts(): TokenFacts;
}

export interface TokenFacts {
  /** Readings. A server that remembers heads reads once per head that differs. */
  readonly byClass: Readonly<Record<TokenClass, number>>;
  readonly refused: number;
  /** Readings that are remembered. */
  readonly remembered: number;
}

/** Who may dispatch, when a token is asked for. */
export interface DispatchGate {
  /** @param authorization the header; null when there is none */
  admits(authorization: string | null): boolean;
  /** For the target of a redirect to another broker: clients leave the header behind when the origin changes. */
  vouch(): string;
  /** Whether a broker with the same token vouched for this request, some seconds ago at most. */
  admitsVouched(voucher: string): boolean;
}

/** Machines whose runners get no work. */
export interface Cordon {
  /** @param instance `x-trigger-worker-instance-name`; empty: never cordoned */
  has(instance: string): boolean;
  /** Called after each change, outside of any other call. */
  onChange(listener: () => void): void;
  facts(): CordonFacts;
  /** Twice is safe. */
  close(): void;
}

export interface CordonFacts {
  /** Machines that are cordoned now. */
  readonly cordoned: number;
  /** A look at a source failed. */
  readonly failures: number;
  /** What a source said was dropped for its age: nothing it named is cordoned any more. */
  readonly dropped: number;
  /** Since the last good look at the source that is looked at least often. Milliseconds; null: no source is looked at. */
  readonly ageMs: number | null;
}

/** Which broker a key belongs to. */
export interface Membership {
  /** Random, of this process; `GET /healthz` answers `healthBody`, which has it. */
  readonly id: string;
  readonly healthBody: string;
  /** Fingerprint of the brokers that are believed to serve; what `m` in the target of a redirect says. */
  readonly epoch: string;
  /** Nobody else is a member, healthy or not. */
  readonly isAlone: boolean;
  /** The base URL, without a slash at its end, that polls of this key go to; null: this broker. */
  ownerOf(key: MatchKey): string | null;
  /** The same for dispatches, which may go to a port of their own. */
  dispatchOwnerOf(key: MatchKey): string | null;
  /** Where polls of this key go when this broker ends; null: nobody else serves. */
  heirOf(key: MatchKey): string | null;
  /** A request that was redirected to here, with what its `m` says; counted. */
  landed(epoch: string): void;
  /** The port that dispatches of this broker have, as other brokers are told; before `start`. */
  start(ports: { port: number; dispatchPort: number }): void;
  /** Called when keys have, or may have, other owners than before, outside of any other call. */
  onChange(listener: () => void): void;
  facts(): MembershipFacts;
  /** Twice is safe. */
  close(): void;
}

export interface MembershipFacts {
  readonly members: readonly MemberFacts[];
  readonly epoch: string;
  readonly changes: number;
  /** Requests that another broker sent here; `disagreed` of them by another idea of who serves. */
  readonly landed: number;
  readonly disagreed: number;
  readonly checkFailures: number;
  readonly resolveFailures: number;
}

export interface MemberFacts {
  readonly url: string;
  readonly isSelf: boolean;
  readonly isHealthy: boolean;
}
