/** The hooks of an edge, in order, and what all requests share of them. */
import type { Clock } from "../base/clock.ts";
import type { LoadedHook } from "../hooks/loaded-hook.ts";
import { hookNoteIntervalMs } from "./limits.ts";

export interface HookChainOptions {
  hooks: readonly LoadedHook[];
  isTrusted(address: string): boolean;
  clock: Clock;
  /** A line for the operator. */
  note(line: string): void;
}

export class HookChain {
  readonly hooks: readonly LoadedHook[];
  readonly isTrusted: (address: string) => boolean;
  /** Some hook wants to see answers. */
  readonly seesResponses: boolean;
  readonly #clock: Clock;
  readonly #note: (line: string) => void;
  readonly #noted = new Map<LoadedHook, { untilMs: number; unsaid: number }>();

  constructor({ hooks, isTrusted, clock, note }: HookChainOptions) {
    this.hooks = hooks;
    this.isTrusted = isTrusted;
    this.seesResponses = hooks.some(({ onResponse }) => onResponse !== null);
    this.#clock = clock;
    this.#note = note;
  }

  /** Tells the operator why a hook has failed; of one that fails all the time, only from time to time. */
  report(hook: LoadedHook, why: string, requestId: string): void {
    const nowMs = this.#clock.nowMs();
    const noted = this.#noted.get(hook) ?? { untilMs: Number.NEGATIVE_INFINITY, unsaid: 0 };
    if (nowMs < noted.untilMs) {
      noted.unsaid += 1;
      return;
    }
    const unsaid = noted.unsaid === 0 ? "" : ` (${noted.unsaid} more since the last line)`;
    this.#noted.set(hook, { untilMs: nowMs + hookNoteIntervalMs, unsaid: 0 });
    this.#note(`Hook ${hook.name} failed for request ${requestId}${unsaid}: ${why}`);
  }
}
