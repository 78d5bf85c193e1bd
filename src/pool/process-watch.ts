/**
 * Watches whether the event loop of a running process still runs. Says when the process has to be ended, and why; ends
 * nothing itself.
 *
 * A loop that is silent while requests run has until their deadline, since a long computation may be what its author
 * wants; one that is silent with nothing to do has less.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import {
  pingIntervalMs,
  tickMs,
  unresponsiveTimeoutMs,
  unresponsiveTimeoutMsMin,
} from "./limits.ts";

/** What is watched; a running process and its wire. */
export interface Watched {
  ping(): void;
  /** Requests it is busy with. Count. */
  running(): number;
}

export class ProcessWatch {
  readonly #spec: VersionSpec;
  readonly #watched: Watched;
  readonly #pingEveryMs: number;
  #lookedAtMs: number;
  #pingedAtMs: number;
  /** The last sign of life; a process that was just started or woken gave one. */
  #aliveAtMs: number;
  /** Since when an answer to a PING is due, or null. */
  #dueSinceMs: number | null = null;
  #lagMs = 0;

  constructor(spec: VersionSpec, watched: Watched, nowMs: number) {
    this.#spec = spec;
    this.#watched = watched;
    this.#pingEveryMs = Math.min(spec.limits.requestTimeoutMs / 2, pingIntervalMs);
    this.#lookedAtMs = nowMs;
    this.#pingedAtMs = nowMs;
    this.#aliveAtMs = nowMs;
  }

  /** It was woken; asks it for a sign of life. */
  onWoken(nowMs: number): void {
    this.#aliveAtMs = nowMs;
    this.#dueSinceMs = null;
    this.#lagMs = 0;
    this.#pingedAtMs = nowMs;
    this.#watched.ping();
  }

  /** It answered a PING. */
  onPong(nowMs: number): void {
    this.#aliveAtMs = nowMs;
    if (this.#dueSinceMs !== null) this.#lagMs = nowMs - this.#dueSinceMs;
    this.#dueSinceMs = null;
  }

  /** How late it answers: the latest answer, or the one that is due. Milliseconds. */
  lagMs(nowMs: number): number {
    return this.#dueSinceMs === null
      ? this.#lagMs
      : Math.max(this.#lagMs, nowMs - this.#dueSinceMs);
  }

  /** Called every `tickMs` while the process runs. Returns why it has to be ended, or null. */
  look(nowMs: number): PlatformError | null {
    // The node itself was held up, or the process was frozen meanwhile: that is no evidence against it.
    if (nowMs - this.#lookedAtMs > 10 * tickMs) this.#aliveAtMs = nowMs;
    this.#lookedAtMs = nowMs;
    return this.#health(nowMs);
  }

  #health(nowMs: number): PlatformError | null {
    // Where more instances may help, it is asked all the time how late it is.
    const isDue = this.#spec.instances.max > 1 && this.#dueSinceMs === null;
    if (isDue || nowMs - this.#pingedAtMs >= this.#pingEveryMs) {
      this.#pingedAtMs = nowMs;
      this.#dueSinceMs ??= nowMs;
      this.#watched.ping();
    }
    const { requestTimeoutMs } = this.#spec.limits;
    const silentMs = nowMs - this.#aliveAtMs;
    const silentMsMax =
      this.#watched.running() > 0
        ? // The latest PING may have been answered long before the request came.
          requestTimeoutMs + this.#pingEveryMs
        : Math.min(requestTimeoutMs, unresponsiveTimeoutMs);
    return silentMs < Math.max(silentMsMax, unresponsiveTimeoutMsMin) ? null : this.#stuck(nowMs);
  }

  #stuck(nowMs: number): PlatformError {
    const silentMs = Math.round(nowMs - this.#aliveAtMs);
    return new PlatformError("APP_UNRESPONSIVE", [this.#spec.app, silentMs]);
  }
}
