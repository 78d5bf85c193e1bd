/**
 * The audit log as the admin API writes it: one entry for each request that changes something, when it has ended, and
 * some of those that were refused. An entry that the store does not take is tried again with the next ones.
 *
 * Refusals are bounded: nobody can push out what was done by asking for what they may not.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { AuditEntry } from "../store/audit.ts";
import type { Store } from "../store/store.ts";
import { Bucket } from "../telemetry/bucket.ts";
import type { Principal } from "./access.ts";
import {
  auditRefusalsBurst,
  auditRefusalsPerSecond,
  auditRetryMs,
  auditWaitingMax,
} from "./limits.ts";

export interface AuditTrailOptions {
  store: Pick<Store, "addAudit">;
  clock: Clock;
  /** A line for the node's log. */
  note(line: string): void;
  /** Default `auditRetryMs`. */
  retryMs?: number;
}

/** What was done; who and when is added. */
export type AuditFacts = Pick<AuditEntry, "action" | "app" | "address" | "result" | "detail">;

interface Refusals {
  bucket: Bucket;
  total: number;
  /** That had no place since the last one that had. Count. */
  leftOut: number;
}

export class AuditTrail {
  readonly #options: AuditTrailOptions;
  /** Apart, so that strangers do not hide what people with a token tried. */
  readonly #refusals: { strangers: Refusals; known: Refusals };
  #waiting: AuditEntry[] = [];
  #writing: Promise<void> = Promise.resolve();
  /** Runs while something waits for a store that is away. */
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
    const nowMs = options.clock.nowMs();
    const refusals = () => ({
      bucket: new Bucket(auditRefusalsPerSecond, auditRefusalsBurst, nowMs),
      total: 0,
      leftOut: 0,
    });
    this.#refusals = { strangers: refusals(), known: refusals() };
  }

  /** Resolves when the entry is in the store, or waits for it to come back. Never rejects. */
  add(principal: Principal, facts: AuditFacts): Promise<void> {
    const actor = principal.kind === "token" ? `token:${principal.id}` : principal.kind;
    return this.#push({ actor, actorName: principal.name, ...facts });
  }

  /** Notes a refusal, unless there were many. */
  refused(principal: Principal | null, facts: AuditFacts): void {
    const refusals = principal === null ? this.#refusals.strangers : this.#refusals.known;
    refusals.total += 1;
    if (!refusals.bucket.hasOne(this.#options.clock.nowMs())) {
      refusals.leftOut += 1;
      return;
    }
    refusals.bucket.take();
    const { leftOut } = refusals;
    refusals.leftOut = 0;
    const detail = leftOut === 0 ? facts.detail : { ...facts.detail, refusalsBefore: leftOut };
    const all = { ...facts, detail };
    void (principal === null
      ? this.#push({ actor: "nobody", actorName: "", ...all })
      : this.add(principal, all));
  }

  /** Requests with a token that is nobody's, or has expired. Count. */
  get wrongTokens(): number {
    return this.#refusals.strangers.total;
  }

  /** Resolves when what waits is written, or cannot be. */
  async close(): Promise<void> {
    await this.#write();
    clearTimeout(this.#retry ?? undefined);
  }

  #push(entry: Omit<AuditEntry, "atMs">): Promise<void> {
    if (this.#waiting.length >= auditWaitingMax) {
      const { actor, action } = this.#waiting.shift() as AuditEntry;
      this.#options.note(`Left out of the audit log, since the store is away: ${actor} ${action}`);
    }
    this.#waiting.push({ atMs: this.#options.clock.wallMs(), ...entry });
    return this.#write();
  }

  #retryLater(error: unknown): void {
    if (this.#retry !== null) return;
    const { note, retryMs = auditRetryMs } = this.#options;
    note(`Cannot write to the audit log yet, and tries again: ${messageOf(error)}`);
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#write();
    }, retryMs);
    this.#retry.unref();
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const entries = this.#waiting;
      if (entries.length === 0) return;
      this.#waiting = [];
      try {
        await this.#options.store.addAudit(entries);
      } catch (error) {
        this.#waiting = [...entries, ...this.#waiting].slice(-auditWaitingMax);
        this.#retryLater(error);
      }
    });
    return this.#writing;
  }
}
