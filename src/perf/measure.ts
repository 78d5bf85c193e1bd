/**
 * One run of one scenario, from fresh processes to its numbers.
 *
 *   apps written ─▶ node started ─▶ asked once ─▶ warm-up ─▶ counted ─▶ node stopped
 *
 * Two sides that are compared run beside each other and are counted in turns, a fifth of a second at a time: what slows the
 * machine down for longer than that slows down both.
 */
import type { Fixtures } from "./fixtures.ts";
import { slowTurnMs, turnMs } from "./limits.ts";
import { type MeasuredRunner, type Side, startRunner } from "./measured-runner.ts";
import type { PerfOptions } from "./options.ts";
import type { Scenario } from "./scenarios.ts";
import type { MeasuredRun } from "./summary.ts";

export interface MeasureContext {
  options: PerfOptions;
  fixtures: Fixtures;
  /** Aborted when the person has had enough. */
  signal: AbortSignal;
}

/**
 * Runs one side, or two in turns; the first one begins.
 *
 * @returns a run for each side, in the order of the sides.
 * @throws {PlatformError} `PERF_TARGET_FAILED`, `PERF_PROBE_FAILED`, `LOAD_GENERATOR_FAILED`, `INTERRUPTED`
 */
export async function measure(
  scenario: Scenario,
  sides: readonly Side[],
  context: MeasureContext,
): Promise<MeasuredRun[]> {
  const { durationMs, warmUpMs, requestsMax } = context.options;
  await using runners = new AsyncDisposableStack();
  const started: MeasuredRunner[] = [];
  for (const side of sides) {
    started.push(runners.use(await startRunner(scenario, side, context)));
  }
  if (started.length === 1) {
    await started[0]!.count({ durationMs, warmUpMs, requestsMax });
  } else {
    for (const runner of started) if (warmUpMs > 0) await runner.warmUp(warmUpMs);
    const { drive } = scenario;
    const isQuick = drive.kind === "load" && drive.isSlow !== true;
    await takeTurns(started, isQuick ? turnMs : slowTurnMs, context.options);
  }
  return started.map((runner) => runner.measured());
}

/** first second, second first, first second … until each has had its time. */
async function takeTurns(
  runners: readonly MeasuredRunner[],
  oneMs: number,
  { durationMs, requestsMax }: PerfOptions,
): Promise<void> {
  const turns = Math.max(1, Math.round(durationMs / oneMs));
  for (let turn = 0; turn < turns; turn++) {
    const order = turn % 2 === 0 ? runners : runners.toReversed();
    for (const runner of order) {
      const left = requestsMax === null ? null : requestsMax - runner.requests;
      if (left !== null && left <= 0) continue;
      await runner.count({ durationMs: durationMs / turns, warmUpMs: 0, requestsMax: left });
    }
  }
}
