/**
 * What the app of one instance has said about its sleep (`runner/lifecycle.ts` is the other side): what keeps it awake,
 * whether it has hooks, and when those have run.
 */
import type { Clock } from "../base/clock.ts";
import type { LifecycleEvent } from "../wire/control.ts";
import type { Wake } from "../wire/wake.ts";
import { type HolderFacts, Holders } from "./holders.ts";
import type { Instance } from "./instance.ts";
import type { InstanceOwner } from "./instance-owner.ts";
import { lifecycleMessagesPerTickMax } from "./limits.ts";
import { Settling } from "./settling.ts";

/** What is heard of the sleep of instances. */
export interface LifecycleListener {
  /** Its hooks have run: it can be frozen. */
  onSettled(instance: Instance): void;
  /** It is frozen though its hooks did not end in good time. */
  onUnsettled(instance: Instance): void;
  /** It was woken, and is. @param sleptMs how long it was frozen. Milliseconds. */
  onAwake(instance: Instance, wake: Wake, sleptMs: number): void;
}

export class Lifecycle {
  /** What keeps it awake beside its requests. */
  readonly holders = new Holders();
  readonly #settling: Settling;
  readonly #instance: Instance;
  readonly #owner: InstanceOwner;
  readonly #clock: Clock;
  /** Messages since the last tick. Count. */
  #messages = 0;
  /** The process waits for `heard`: what it would say next is not known. */
  #owesHeard = false;
  /** Why it is to be frozen before its time, when it has settled; null for no such reason. */
  freezeReason: string | null = null;
  /** It was woken, and has not given a sign of life. */
  #woken: { wake: Wake; sleptMs: number } | null = null;

  constructor(instance: Instance, owner: InstanceOwner, clock: Clock) {
    this.#instance = instance;
    this.#owner = owner;
    this.#clock = clock;
    this.#settling = new Settling((message) => instance.channel.control(message));
  }

  /** It was asked to settle, and has not said that it has. */
  get isSettling(): boolean {
    return this.#settling.isUnderWay && !this.#instance.isAsleep;
  }

  /** Whether an idle instance can be frozen; asks it to settle when it has to be. */
  isSettled(nowMs: number): boolean {
    if (this.#owesHeard) return false;
    const settled = this.#settling.look(nowMs);
    if (settled === "late") this.#owner.standby.onUnsettled(this.#instance);
    return settled !== "wait";
  }

  /** Gives the holders whose budget is over since the last time. Called every `tickMs`, when it was looked at. */
  tick(nowMs: number): HolderFacts[] {
    this.#messages = 0;
    if (this.#owesHeard) this.#hear();
    return this.holders.look(nowMs);
  }

  /** It is not to be frozen after all. Twice is safe. */
  stayAwake(nowMs: number): void {
    this.#settling.resume(nowMs);
  }

  /** It was woken: its owner hears `onAwake` when it gives a sign of life. */
  woken(wake: Wake, sleptMs: number, nowMs: number): void {
    this.#woken = { wake, sleptMs };
    this.#settling.resume(nowMs);
  }

  onPong(): void {
    // One with hooks takes requests when those have run.
    if (!this.#settling.isResuming) this.#awake();
  }

  /** @throws {WireProtocolError} for what no runner says */
  onEvent(event: LifecycleEvent): void {
    const nowMs = this.#clock.nowMs();
    const instance = this.#instance;
    switch (event.type) {
      case "settled":
        if (this.#settling.onSettled(event.turn, nowMs)) this.#owner.standby.onSettled(instance);
        return;
      case "resumed":
        this.#settling.onResumed(nowMs);
        return this.#awake();
      case "lifecycle": {
        const { count } = this.holders;
        this.holders.note(event, nowMs);
        this.#settling.hasHooks = event.hasHooks;
        this.#messages += 1;
        this.#owesHeard = this.#messages > lifecycleMessagesPerTickMax;
        if (!this.#owesHeard) this.#hear();
        if (this.holders.count < count) instance.onStreamClosed();
        // What it said crossed the signal on the way.
        else if (this.holders.count > 0 && instance.isAsleep) this.#owner.onHeld(instance);
      }
    }
  }

  /** It may say more. */
  #hear(): void {
    this.#owesHeard = false;
    this.#instance.channel.control({ type: "heard" });
  }

  #awake(): void {
    if (this.#woken === null) return;
    const { wake, sleptMs } = this.#woken;
    this.#woken = null;
    wake.done(this.#clock.nowMs());
    this.#owner.standby.onAwake(this.#instance, wake, sleptMs);
  }
}
