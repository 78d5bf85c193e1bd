/**
 * The steps of a demo, one after the other. Each has a name, a deadline and something to say; none can hang.
 *
 *   running ──work is done──▶ ok ──▶ the next one
 *      └──it throws, its deadline passes, or the demo is stopped──▶ failed, and none follows
 */
import { messageOf, PlatformError } from "../base/errors.ts";
import { NodeError } from "./admin-client.ts";
import { errorBodyOf } from "./failure.ts";

export interface DemoStep {
  name: string;
  ok: boolean;
  /** Milliseconds, with a fraction: a request takes less than one. */
  ms: number;
  /** What came out, or what went wrong. One line. */
  detail: string;
}

/** What a step has while it runs. */
export interface StepScope {
  /** Aborted when the step has ended, however it did. */
  signal: AbortSignal;
  /** Replaces what the step says of itself; the last text stays as its detail. */
  say(detail: string): void;
}

/** Shows steps to a person, or to nobody. */
export interface StepScreen {
  running(name: string, detail: string): void;
  ended(step: DemoStep): void;
}

export interface DemoStepsOptions {
  screen: StepScreen;
  /** Milliseconds since some fixed point. */
  nowMs(): number;
  /** Aborted with the reason when the demo is to stop. */
  stop: AbortSignal;
}

/** Something was not as the demo promises. */
export class DemoMismatch extends Error {
  override readonly name = "DemoMismatch";
}

/** @throws {DemoMismatch} saying `what` when `claim` is false. */
export function expectThat(claim: unknown, what: string): asserts claim {
  if (!claim) throw new DemoMismatch(what);
}

export class DemoSteps {
  readonly #options: DemoStepsOptions;
  readonly #ended: DemoStep[] = [];

  constructor(options: DemoStepsOptions) {
    this.#options = options;
  }

  /** Those that have ended, in order. */
  get ended(): readonly DemoStep[] {
    return this.#ended;
  }

  /**
   * Runs a step and gives back what its work gave.
   *
   * @throws {NodeError} with the code of what went wrong, or `DEMO_STEP_FAILED`; its detail names the step.
   */
  async run<T>(
    name: string,
    timeoutMs: number,
    work: (scope: StepScope) => Promise<T>,
  ): Promise<T> {
    const { screen, nowMs, stop } = this.#options;
    const end = new AbortController();
    let detail = "";
    const timer = setTimeout(() => {
      const last = detail === "" ? "" : ` (${detail})`;
      end.abort(new DemoMismatch(`it did not end within ${timeoutMs} ms${last}`));
    }, timeoutMs);
    const onStop = () => end.abort(stop.reason);
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { once: true });

    const say = (text: string) => {
      if (end.signal.aborted) return;
      detail = text;
      screen.running(name, detail);
    };
    const startMs = nowMs();
    screen.running(name, detail);
    try {
      const result = await Promise.race([work({ signal: end.signal, say }), aborted(end.signal)]);
      this.#end({ name, ok: true, ms: nowMs() - startMs, detail });
      return result;
    } catch (thrown) {
      // What an abort makes of a call says less than why it was aborted.
      const reason = end.signal.aborted ? end.signal.reason : thrown;
      this.#end({ name, ok: false, ms: nowMs() - startMs, detail: messageOf(reason) });
      throw failureOf(name, reason);
    } finally {
      clearTimeout(timer);
      stop.removeEventListener("abort", onStop);
      end.abort();
    }
  }

  #end(step: DemoStep): void {
    const rounded = { ...step, ms: Math.round(step.ms * 100) / 100 };
    this.#ended.push(rounded);
    this.#options.screen.ended(rounded);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** An error of the catalogue keeps its code and its fix; everything else is a step that failed. */
function failureOf(step: string, thrown: unknown): NodeError {
  const error =
    thrown instanceof NodeError || thrown instanceof PlatformError
      ? thrown
      : new PlatformError(
          "DEMO_STEP_FAILED",
          [step, messageOf(thrown)],
          thrown instanceof DemoMismatch ? {} : { cause: thrown },
        );
  const body = errorBodyOf(error);
  return new NodeError({ ...body, detail: { step, ...body.detail } });
}
