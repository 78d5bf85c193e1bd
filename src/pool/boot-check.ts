/**
 * The proof that a version serves: one real request over the wire, answered by the app. Any status below 500 will do,
 * since an API may well answer 404 to `/`.
 */

import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { ClientStream } from "../wire/client-stream.ts";
import { FLAG_END, ResetReason } from "../wire/frames.ts";
import { requestLine } from "../wire/request-line.ts";
import type { Pool } from "./pool.ts";

/**
 * Starts the version and asks its `healthPath`. The process stays warm.
 *
 * @throws {PlatformError} why the version cannot go live.
 */
export async function bootCheck(pool: Pool, host: string, signal: AbortSignal): Promise<void> {
  const { spec } = pool;
  await startOrAbort(pool, signal);
  const status = await ask(pool, host, spec, signal);
  if (status >= 500) {
    throw new PlatformError("BOOT_UNHEALTHY", [spec.healthPath, status], {
      detail: { lastLines: [...pool.lastLines] },
    });
  }
}

/** A deploy that is cancelled does not wait for a slow boot; whoever called ends the process. */
async function startOrAbort(pool: Pool, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const started = pool.start();
  // When the abort wins, how the start ends is nobody's business.
  started.catch(() => {});
  try {
    await Promise.race([started, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function ask(
  pool: Pool,
  host: string,
  spec: VersionSpec,
  signal: AbortSignal,
): Promise<number> {
  const request = new BootRequest(pool);
  const { bootTimeoutMs } = spec.limits;
  const timer = setTimeout(
    () => request.fail(new PlatformError("BOOT_TIMEOUT", [bootTimeoutMs])),
    bootTimeoutMs,
  );
  const abort = () => request.fail(new PlatformError("INTERNAL", [], { cause: signal.reason }));
  signal.addEventListener("abort", abort, { once: true });
  try {
    const head = Buffer.from(
      `${requestLine({ method: "GET", target: spec.healthPath, host })}host: ${host}\r\nuser-agent: levain-boot-check\r\n`,
      "latin1",
    );
    pool.submit(request, {
      buffer: head,
      headStart: 0,
      headEnd: head.length,
      bodyStart: head.length,
      bodyEnd: head.length,
      flags: FLAG_END,
    });
    return await request.status;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

class BootRequest extends ClientStream {
  readonly #pool: Pool;
  readonly #status = Promise.withResolvers<number>();

  constructor(pool: Pool) {
    super();
    this.#pool = pool;
  }

  get status(): Promise<number> {
    return this.#status.promise;
  }

  fail(error: PlatformError): void {
    this.#pool.cancel(this);
    this.#status.reject(error);
  }

  override onOpen(): void {}
  override onWindow(): void {}
  override onTunnel(): void {}
  override onData(): void {}

  override onResponse(status: number, ...[, , , , , , , ended]: AfterStatus): void {
    this.#status.resolve(status);
    // The head is the proof; the body may never end.
    if (!ended) this.cancel();
  }

  override onReset(reason: number, text: string): void {
    if (reason === ResetReason.HANDLER_THREW) return this.#status.resolve(500);
    this.#status.reject(new PlatformError("APP_RESPONSE_INVALID", [this.#pool.spec.app, text]));
  }

  override onLost(error: PlatformError): void {
    this.#status.reject(
      error.code === "APP_EXITED"
        ? new PlatformError("BOOT_CRASHED", ["it ended while it answered the boot check"], {
            cause: error,
            detail: { lastLines: [...this.#pool.lastLines] },
          })
        : error,
    );
  }
}

type AfterStatus =
  Parameters<ClientStream["onResponse"]> extends [number, ...infer Rest] ? Rest : never;
