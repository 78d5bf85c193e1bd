/**
 * Reads what a process prints, line by line and no faster than its budget allows.
 *
 * It relies on Bun reading the pipe of `Bun.spawn` only while somebody asks its stream for more: what a process that
 * nobody reads has printed stays in the kernel (some 200 KiB), and then the process waits in its own write. Measured: a
 * child that prints 1 GB to a reader that takes one piece per 50 ms leaves the parent's memory where it was.
 */
import type { Clock } from "../base/clock.ts";
import { logLineBytesMax, outputSlowedReportMs } from "./limits.ts";
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
  const lines = new LineReader(logLineBytesMax, onLine);
  const reader = stream.getReader();
  const cancel = () => void reader.cancel().catch(() => {});
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();

  let reportedAtMs = Number.NEGATIVE_INFINITY;
  while (!signal?.aborted) {
    // A pipe that breaks has ended.
    const bytes = await reader.read().then(
      ({ value }) => value,
      () => undefined,
    );
    if (bytes === undefined) break;
    result.bytes += bytes.byteLength;
    lines.push(bytes);
    budget.take(bytes.byteLength, clock.nowMs());

    for (;;) {
      const startedAtMs = clock.nowMs();
      const waitMs = budget.waitMs(startedAtMs);
      if (waitMs === 0 || signal?.aborted) break;
      if (startedAtMs - reportedAtMs >= outputSlowedReportMs) {
        reportedAtMs = startedAtMs;
        onSlowed?.();
      }
      await wait(waitMs, signal);
      result.slowedMs += clock.nowMs() - startedAtMs;
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
