/**
 * An answer that goes on: one JSON object a line, for as long as there is something to say and somebody who listens.
 *
 *   open ──produce() ends──▶ closed
 *     ├────server stops──▶ aborted (`stopping`): takes its last lines, then closed
 *     └────client goes away──▶ aborted (`signal`), then closed
 *
 * A silent stream carries an empty line now and then, so that no idle limit on the way cuts it. Lines wait in memory
 * while the client does not read; `isFull` says that enough of them wait, `drained()` waits for the client.
 */
import { streamBacklogBytesMax, streamHeartbeatMs } from "./limits.ts";

export interface LineWriter {
  /** Queues a line. After the stream has ended this does nothing. */
  write(value: unknown): void;
  /** Whether `streamBacklogBytesMax` bytes wait for the client. */
  readonly isFull: boolean;
  /** Resolves when the client has taken most of what waits, or is gone. */
  drained(): Promise<void>;
}

export interface LineStreamOptions {
  /** Aborted when the client goes away: the request's own signal. */
  signal: AbortSignal;
  /** Aborted when the server stops; what is written then still reaches the client. */
  stopping: AbortSignal;
  /**
   * Writes the lines; the stream ends when it resolves. Gets a signal that covers both, and a client which closes only
   * the response. Must not reject: what went wrong is a line of its own.
   */
  produce(lines: LineWriter, signal: AbortSignal): Promise<void>;
  /** Default `streamHeartbeatMs`. */
  heartbeatMs?: number;
}

const encoder = new TextEncoder();
const heartbeat = encoder.encode("\n");

export function lineStream(options: LineStreamOptions): Response {
  const { heartbeatMs = streamHeartbeatMs } = options;
  const closed = new AbortController();
  const isGone = () => options.signal.aborted || closed.signal.aborted;
  const { signal, release } = firstOf([options.signal, closed.signal, options.stopping]);
  let onDrained: (() => void) | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;

  const wake = () => {
    onDrained?.();
    onDrained = undefined;
  };
  signal.addEventListener("abort", wake, { once: true });

  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let silentSince = performance.now();
        const lines: LineWriter = {
          write(value) {
            if (isGone()) return;
            silentSince = performance.now();
            controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
          },
          get isFull() {
            return (controller.desiredSize ?? 0) <= 0;
          },
          drained() {
            if (signal.aborted || !lines.isFull) return Promise.resolve();
            return new Promise((resolve) => {
              onDrained = resolve;
            });
          },
        };
        timer = setInterval(() => {
          const isSilent = performance.now() - silentSince >= heartbeatMs;
          if (isSilent && !isGone() && !lines.isFull) controller.enqueue(heartbeat);
        }, heartbeatMs);
        timer.unref();
        // Not awaited: a stream whose start() is pending is not read.
        void options.produce(lines, signal).finally(() => {
          clearInterval(timer);
          release();
          signal.removeEventListener("abort", wake);
          if (!closed.signal.aborted) controller.close();
        });
      },
      pull: wake,
      cancel() {
        clearInterval(timer);
        closed.abort();
      },
    },
    { highWaterMark: streamBacklogBytesMax, size: (chunk) => chunk?.byteLength ?? 0 },
  );
  return new Response(body, {
    headers: { "content-type": "application/x-ndjson; charset=utf-8", "cache-control": "no-store" },
  });
}

/**
 * Aborted with the first of them, until it is released. Not `AbortSignal.any`: the server's own signal lives as long as the
 * server, and would keep every stream that ever listened to it, with its request.
 */
function firstOf(sources: readonly AbortSignal[]): { signal: AbortSignal; release(): void } {
  const first = new AbortController();
  const abort = () => first.abort(sources.find(({ aborted }) => aborted)?.reason);
  for (const source of sources) source.addEventListener("abort", abort, { once: true });
  if (sources.some(({ aborted }) => aborted)) abort();
  return {
    signal: first.signal,
    release() {
      for (const source of sources) source.removeEventListener("abort", abort);
    },
  };
}
