/**
 * Watches a running process: whether its event loop still runs, and how much memory it has. Says when it has to be
 * ended, and why; ends nothing itself.
 */
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import {
  memorySampleMs,
  pingIntervalMs,
  tickMs,
  unresponsiveTimeoutMs,
  unresponsiveTimeoutMsMin,
} from "./limits.ts";

/** What is watched; a running process and its wire. */
export interface Watched {
  ping(): void;
  /** Null when it is gone. */
  memoryBytes(): number | null;
}

export class ProcessWatch {
  readonly #spec: VersionSpec;
  readonly #watched: Watched;
  #lookedAtMs: number;
  #pingedAtMs: number;
  /** The last sign of life; a process that was just started or woken gave one. */
  #aliveAtMs: number;
  /** Since when an answer to a PING is due, or null. */
  #dueSinceMs: number | null = null;
  #lagMs = 0;
  #sampledAtMs: number;
  /** As of the latest look. Bytes; null when it is not known. */
  memoryBytes: number | null = null;

  constructor(spec: VersionSpec, watched: Watched, nowMs: number) {
    this.#spec = spec;
    this.#watched = watched;
    this.#lookedAtMs = nowMs;
    this.#pingedAtMs = nowMs;
    this.#aliveAtMs = nowMs;
    this.#sampledAtMs = nowMs;
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
    return this.#health(nowMs) ?? this.#memory(nowMs);
  }

  #health(nowMs: number): PlatformError | null {
    // Where more instances may help, it is asked all the time how late it is.
    const isDue = this.#spec.instances.max > 1 && this.#dueSinceMs === null;
    if (isDue || nowMs - this.#pingedAtMs >= pingIntervalMs) {
      this.#pingedAtMs = nowMs;
      this.#dueSinceMs ??= nowMs;
      this.#watched.ping();
    }
    const { app, limits } = this.#spec;
    const silentMs = nowMs - this.#aliveAtMs;
    const silentMsMax = Math.min(limits.requestTimeoutMs, unresponsiveTimeoutMs);
    if (silentMs < Math.max(silentMsMax, unresponsiveTimeoutMsMin)) return null;
    return new PlatformError("APP_UNRESPONSIVE", [app, Math.round(silentMs)]);
  }

  #memory(nowMs: number): PlatformError | null {
    if (nowMs - this.#sampledAtMs < memorySampleMs) return null;
    this.#sampledAtMs = nowMs;
    this.memoryBytes = this.#watched.memoryBytes();
    const { app, limits } = this.#spec;
    if (this.memoryBytes === null || this.memoryBytes <= limits.memoryBytesMax) return null;
    return new PlatformError("APP_MEMORY_EXCEEDED", [app, this.memoryBytes, limits.memoryBytesMax]);
  }
}
