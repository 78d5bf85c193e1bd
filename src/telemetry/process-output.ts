/**
 * Reads what a process prints, line by line and no faster than its budget allows.
 *
 * It relies on Bun reading the pipe of `Bun.spawn` only while somebody asks its stream for more: what a process that
 * nobody reads has printed stays in the kernel (some 200 KiB), and then the process waits in its own write. Measured: a
 * child that prints 1 GB to a reader that takes one piece per 50 ms leaves the parent's memory where it was.
 */
import type { Clock } from "../base/clock.ts";
import {
  logLineBytesMax,
  outputBytesPerTurnMax,
  outputLineCostBytes,
  outputLinesPerTurnMax,
  outputSlowedReportMs,
} from "./limits.ts";
import { LineReader, type OutputLine } from "./line-reader.ts";
import type { OutputBudget } from "./output-budget.ts";

export interface CaptureOptions {
  /** Called once per line, in order. Must not throw. */
  onLine: (line: OutputLine) => void;
  /** Shared by the streams of one process. */
  budget: OutputBudget;
  clock: Clock;
  /**
   * Gives up on the rest, for when the process has ended but a child of it holds the pipe open. What has been read is
   * given to `onLine`.
   */
  signal?: AbortSignal;
  /** The process prints more than its budget and is being slowed. Called at most once per `outputSlowedReportMs`. */
  onSlowed?: () => void;
}

export interface CaptureResult {
  bytes: number;
  /** Time in which output was left in the pipe. Milliseconds. */
  slowedMs: number;
}

/**
 * Resolves when the stream has ended or the signal came; never rejects. The stream is then done with.
 *
 * @param stream `stdout` or `stderr` of a `Bun.spawn` with "pipe".
 */
export async function captureOutput(
  stream: ReadableStream<Uint8Array>,
  { onLine, budget, clock, signal, onSlowed }: CaptureOptions,
): Promise<CaptureResult> {
  const result: CaptureResult = { bytes: 0, slowedMs: 0 };
  let lineCount = 0;
  const lines = new LineReader(logLineBytesMax, (line) => {
    lineCount += 1;
    onLine(line);
  });
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();

  let reportedAtMs = Number.NEGATIVE_INFINITY;
  const pay = async () => {
    for (;;) {
      const nowMs = clock.nowMs();
      const waitMs = budget.waitMs(nowMs);
      if (waitMs === 0 || signal?.aborted) return;
      if (nowMs - reportedAtMs >= outputSlowedReportMs) {
        reportedAtMs = nowMs;
        onSlowed?.();
      }
      await wait(waitMs, signal);
      result.slowedMs += clock.nowMs() - nowMs;
    }
  };

  while (!signal?.aborted) {
    // A pipe that breaks has ended.
    let rest = await reader.read().then(
      ({ value }) => value,
      () => undefined,
    );
    if (rest === undefined) break;
    while (rest.byteLength > 0) {
      lineCount = 0;
      const taken = lines.push(rest.subarray(0, outputBytesPerTurnMax), outputLinesPerTurnMax);
      rest = rest.subarray(taken);
      result.bytes += taken;
      budget.take(taken + lineCount * outputLineCostBytes, clock.nowMs());
      // Not only between reads: a full pipe is read without ever leaving the turn.
      await new Promise((resolve) => setImmediate(resolve));
      await pay();
    }
  }
  signal?.removeEventListener("abort", cancel);
  lines.end();
  return result;
}

/** Waits, or less when the signal comes. */
function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
    if (signal?.aborted) finish();
  });
}
