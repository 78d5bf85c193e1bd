/** What becomes of a version's instances that nobody uses: `idle.ts` decides, here it is done and logged. */
import type { Clock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import type { Pager } from "../sandbox/pager.ts";
import type { Wake } from "../wire/wake.ts";
import { decideIdle, type IdleFacts, idleFacts, sleepsMs } from "./idle.ts";
import type { Instance } from "./instance.ts";
import type { LifecycleListener } from "./lifecycle.ts";
import type { PoolLog } from "./pool-log.ts";
import type { PoolOptions } from "./pool-options.ts";
import type { Ready } from "./ready.ts";

export class Standby implements LifecycleListener {
  readonly #spec: VersionSpec;
  readonly #ready: Ready;
  readonly #log: PoolLog;
  readonly #clock: Clock;
  readonly #pager: Pager | null;
  /** Clock time since when the version is live on no branch, or null. */
  #supersededAtMs: number | null = null;

  /** @param pager null: nothing is paged out */
  constructor({ spec, clock, pager }: PoolOptions, ready: Ready, log: PoolLog) {
    this.#spec = spec;
    this.#ready = ready;
    this.#log = log;
    this.#clock = clock;
    this.#pager = pager ?? null;
  }

  set isSuperseded(isSuperseded: boolean) {
    if (!isSuperseded) this.#supersededAtMs = null;
    else this.#supersededAtMs ??= this.#clock.nowMs();
  }

  get isSuperseded(): boolean {
    return this.#supersededAtMs !== null;
  }

  /** Clock time at which one that is up is to be looked at again; see `Ticked`. */
  dueMs(instance: Instance, nowMs: number): number {
    return nowMs + sleepsMs(this.#facts(instance, nowMs));
  }

  /** Freezes, pages out or ends one that is up, when its time has come. */
  look(instance: Instance, nowMs: number): void {
    const decision = decideIdle(this.#facts(instance, nowMs));
    if (decision === "stop") instance.end(null);
    if (decision === "drain") {
      const why = instance.retiredAtMs === null ? "stopped for a newer version" : "replaced";
      instance.end(new PlatformError("APP_EXITED", [this.#spec.app, why]));
    }
    if (decision === "freeze") this.freeze(instance);
    if (decision === "page") void this.page(instance);
    if (instance.open > 0) instance.lifecycle.stayAwake(nowMs);
    for (const holder of instance.lifecycle.tick(nowMs)) {
      this.#log.spent(instance.id, holder);
      instance.onStreamClosed();
    }
  }

  /**
   * Freezes it when nothing is open; one with hooks a little later, when they have run.
   *
   * @param why before its time, or null
   */
  freeze(instance: Instance, why: string | null = null): void {
    const { lifecycle } = instance;
    const reason = why ?? lifecycle.freezeReason;
    if (instance.freeze(this.#clock.nowMs())) {
      this.#log.frozen(instance.id, instance.memoryBytes(), reason);
    }
    lifecycle.freezeReason = lifecycle.isSettling ? reason : null;
  }

  /** Whether memory of one that sleeps can be handed to swap now. */
  canPage(instance: Instance): boolean {
    return instance.isPageable && this.#pager?.waitMs(this.#clock.nowMs()) === 0;
  }

  /**
   * Hands the memory of one that is frozen to swap. Resolves with what that gave back when it is done; 0 when it cannot be
   * done, was woken meanwhile, or has next to nothing in RAM. Bytes.
   *
   * @param why memory is short, or null; with it also what its requests use goes
   */
  async page(instance: Instance, why: string | null = null): Promise<number> {
    if (this.#pager === null || !this.canPage(instance)) return 0;
    if (why === null) {
      const bytes = instance.restAsPaged(this.#pager);
      if (bytes !== null) this.#log.kept(instance.id, bytes);
      if (instance.state === "paged") return 0;
    }
    const paged = await instance.page(this.#pager);
    if (paged === null) return 0;
    this.#log.paged(instance.id, paged, why);
    return paged.beforeBytes - paged.afterBytes;
  }

  /** Wakes one that sleeps; it can be given requests at once. */
  wake(instance: Instance): Wake {
    return instance.thaw(this.#clock.nowMs());
  }

  // --- what the instances say of their sleep ---

  onSettled(instance: Instance): void {
    this.freeze(instance);
  }

  onUnsettled(instance: Instance): void {
    this.#log.unsettled(instance.id);
  }

  onAwake(instance: Instance, wake: Wake, sleptMs: number): void {
    this.#log.woken(instance.id, wake, sleptMs);
  }

  #facts(instance: Instance, nowMs: number): IdleFacts {
    const supersededAtMs = instance.retiredAtMs ?? this.#supersededAtMs;
    const versionIdleMs = this.#ready.idleMs(nowMs) ?? 0;
    const pagerWaitMs = this.#pager?.waitMs(nowMs) ?? Number.POSITIVE_INFINITY;
    return idleFacts(this.#spec, instance, versionIdleMs, supersededAtMs, pagerWaitMs, nowMs);
  }
}
