/** What a pool has to say, as records of its app's log. */
import type { Clock } from "../base/clock.ts";
import type { PlatformError } from "../base/errors.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import type { Paged } from "../sandbox/pager.ts";
import type { LogRecord, LogSink, PlatformEvent } from "../telemetry/log-record.ts";
import { standbyTimeoutMs } from "../wire/limits.ts";
import type { Wake } from "../wire/wake.ts";
import { type HolderFacts, holderName } from "./holders.ts";
import type { Instance } from "./instance.ts";
import { describeEnd, type ProcessEnd } from "./process-end.ts";

export class PoolLog {
  readonly #spec: VersionSpec;
  readonly #sink: LogSink;
  readonly #clock: Clock;

  constructor(spec: VersionSpec, sink: LogSink, clock: Clock) {
    this.#spec = spec;
    this.#sink = sink;
    this.#clock = clock;
  }

  /** A line that the app printed. */
  line(
    instance: string,
    stream: "stdout" | "stderr",
    message: string,
    requestId: string | null,
  ): void {
    this.#write({ instance, stream, requestId, event: null, message });
  }

  started(instance: string | null, pid: number | null, tookMs: number): void {
    const text = `Started in ${Math.round(tookMs)} ms`;
    this.#event("start", instance, text, { pid, ...originOf(this.#spec) });
  }

  failed(instance: string | null, { code, message }: PlatformError): void {
    this.#event("error", instance, message, { code });
  }

  /** @param why it is frozen before its time, or null */
  frozen(instance: string | null, memoryBytes: number | null, why: string | null): void {
    const early = why === null ? "" : `; early, since memory is short (${why})`;
    const text = `Frozen: no CPU until the next request${early}`;
    this.#event("freeze", instance, text, { memoryBytes });
  }

  /** @param why before its time, or null */
  paged(instance: string | null, { beforeBytes, afterBytes }: Paged, why: string | null): void {
    const memoryBytes = beforeBytes - afterBytes;
    const text = `Paged: ${mebibytes(memoryBytes)} of ${mebibytes(beforeBytes)} MiB handed to swap${why === null ? "" : `: ${why}`}`;
    this.#event("page", instance, text, { memoryBytes });
  }

  /** It counts as paged with so much in RAM. Bytes. */
  kept(instance: string | null, memoryBytes: number): void {
    const text = `Paged: the ${mebibytes(memoryBytes)} MiB that its requests use stay in RAM, the rest is in swap`;
    this.#event("page", instance, text, { memoryBytes: 0 });
  }

  /** @param sleptMs how long it was frozen. Milliseconds. */
  woken(instance: string | null, { from, ms }: Wake, sleptMs: number): void {
    const frozenMs = Math.round(sleptMs);
    const text = `Woken in ${ms} ms, after ${frozenMs} ms`;
    this.#event("wake", instance, text, { from, wakeMs: ms, frozenMs });
  }

  unsettled(instance: string | null): void {
    const text = `Frozen before its onStandby hooks had ended: its event loop was busy for ${standbyTimeoutMs} ms`;
    this.#event("standby", instance, text);
  }

  spent(instance: string | null, holder: HolderFacts): void {
    const seconds = Math.round(holder.ageMs / 1000);
    const text = `${holderName(holder)} is open for ${seconds} s: it no longer keeps the app awake`;
    const { kind, name, ageMs } = holder;
    this.#event("holder", instance, text, { kind, name, ageMs });
  }

  throttled(instance: string | null, stream: "stdout" | "stderr"): void {
    const text = `Prints faster than its budget: ${stream} is read more slowly`;
    this.#event("throttle", instance, text);
  }

  breached(instance: string | null, { code, message, detail }: PlatformError): void {
    this.#event("limit", instance, message, { code, ...detail });
  }

  /** @param why memory is short; null: another app needs its place */
  evicted(instance: string | null, why: string | null): void {
    const reason = why === null ? "another app needs its place" : `memory is short (${why})`;
    this.#event("evict", instance, `Stopped while idle: ${reason}`);
  }

  /** @param left instances that go on. Count. */
  retired(instance: string | null, left: number): void {
    this.#event("drain", instance, `Given back: ${left} can do it`);
  }

  /** @param requests that it was given. Count. */
  recycled(instance: string | null, requests: number): void {
    this.#event("recycle", instance, `Replaced after ${requests} requests`, { requests });
  }

  draining({ id, lifecycle }: Instance, timeoutMs: number): void {
    const [holder] = lifecycle.holders.facts(this.#clock.nowMs());
    const why = holder === undefined ? "" : `: waits for ${holderName(holder)}`;
    this.#event("drain", id, `Ending within ${timeoutMs} ms${why}`);
  }

  ended(instance: string | null, end: ProcessEnd): void {
    const { wasAsked, cause, exitCode, signal } = end;
    // The cause has words for a request that waits; this process had none, or has answered them.
    const text =
      cause?.code === "NODE_DRAINING"
        ? "Ended: the node is shutting down"
        : (cause?.message ?? `Ended (${describeEnd(end)})`);
    const code = cause === null ? {} : { code: cause.code, ...cause.detail };
    this.#event(wasAsked ? "stop" : "exit", instance, text, { exitCode, signal, ...code });
  }

  #event(
    event: PlatformEvent,
    instance: string | null,
    text: string,
    fields: Record<string, unknown> = {},
  ): void {
    const message = `${versionName(this.#spec.number)}: ${text}`;
    this.#write({ instance, stream: "platform", requestId: null, event, message, fields });
  }

  #write(record: Omit<LogRecord, "time" | "app" | "version">): void {
    const { app, number } = this.#spec;
    const time = new Date(this.#clock.wallMs()).toISOString();
    this.#sink.write({ time, app, version: number, ...record });
  }
}

/** Enough to tell one from another by eye. Characters. */
const shortDigestCharacters = 12;

/** How the version was built, as far as it is known: short enough for a line of the log. */
function originOf({ digest, buildFacts, declares }: VersionSpec): Record<string, unknown> {
  const { bun, commit, isDirty, template } = buildFacts ?? {};
  const { schema, telemetry, flags } = declares;
  const known = {
    artifact: digest.slice(0, shortDigestCharacters),
    bun,
    commit: commit?.slice(0, shortDigestCharacters),
    dirty: isDirty === true ? true : null,
    template,
    schema,
    telemetry,
    flags: flags.length === 0 ? null : flags.join(","),
  };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value != null));
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 ** 2).toFixed(1);
}
