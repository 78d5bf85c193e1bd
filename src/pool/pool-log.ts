/** What a pool has to say, as records of its app's log. */
import type { Clock } from "../base/clock.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import type { LogRecord, LogSink, PlatformEvent } from "../telemetry/log-record.ts";

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

  /** Something the platform did, or saw. */
  event(
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
