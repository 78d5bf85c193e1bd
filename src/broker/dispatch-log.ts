/**
 * The broker's log: one line of JSON for each dispatch that has ended, and for what its operator should know. Lines are made in
 * turns of their own, so that no runner waits for them; when nobody takes them they are counted and dropped. What is below
 * the level is not made at all. No line has a token or a part of a message.
 *
 *   record ──▶ kept (bounded) ──every `logFlushMs`, or sooner──▶ text ──▶ sink
 */
import type { Clock } from "../base/clock.ts";
import type { DispatchRecord } from "./broker-api.ts";
import type { BrokerLogLevel } from "./broker-config.ts";
import { partsOfKey } from "./key-parts.ts";
import { logFlushMs, logLinesMax, logTextCharactersMax } from "./limits.ts";

/** Where lines go. Resolves when they were taken, or will never be. Never rejects. */
export type LogSink = (text: string) => Promise<void>;

export interface BrokerLogOptions {
  level: BrokerLogLevel;
  clock: Clock;
  sink: LogSink;
}

const LEVELS: readonly BrokerLogLevel[] = ["info", "warn", "error"];

interface Kept {
  wallMs: number;
  record: DispatchRecord | null;
  level: BrokerLogLevel;
  message: string;
}

export class BrokerLog {
  readonly #options: BrokerLogOptions;
  readonly #levelMin: number;
  #kept: Kept[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> | null = null;
  #dropped = 0;
  #droppedSaid = 0;

  constructor(options: BrokerLogOptions) {
    this.#options = options;
    this.#levelMin = LEVELS.indexOf(options.level);
  }

  /** For the core: null when no line comes of a dispatch. The record is kept until its line is made. */
  get onDispatch(): ((record: DispatchRecord) => void) | null {
    if (this.#levelMin > LEVELS.indexOf("info")) return null;
    return (record) => this.#keep({ record, level: "info", message: "" });
  }

  /** Lines that were dropped. Count. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @param message one sentence, without a token */
  note(level: BrokerLogLevel, message: string): void {
    if (LEVELS.indexOf(level) >= this.#levelMin) this.#keep({ record: null, level, message });
  }

  /** Resolves when all lines so far were taken. Whoever must not wait for a stalled reader bounds it. */
  async flush(): Promise<void> {
    while (this.#kept.length > 0 || this.#writing !== null) {
      if (this.#writing === null) this.#write();
      await this.#writing;
    }
  }

  #keep(kept: Omit<Kept, "wallMs">): void {
    if (this.#kept.length >= logLinesMax) {
      this.#dropped += 1;
      return;
    }
    this.#kept.push({ ...kept, wallMs: this.#options.clock.wallMs() });
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      if (this.#writing === null) this.#write();
    }, logFlushMs);
  }

  /** All that is kept goes at once; what comes meanwhile goes when the sink has taken this. */
  #write(): void {
    const kept = this.#kept;
    if (kept.length === 0) return;
    this.#kept = [];
    let text = "";
    for (const one of kept) text += `${lineOf(one)}\n`;
    if (this.#dropped > this.#droppedSaid) {
      const message = `${this.#dropped - this.#droppedSaid} lines were dropped: nobody took them in time`;
      this.#droppedSaid = this.#dropped;
      const wallMs = this.#options.clock.wallMs();
      text += `${lineOf({ wallMs, record: null, level: "warn", message })}\n`;
    }
    this.#writing = this.#options.sink(text).then(() => {
      this.#writing = null;
      if (this.#timer === null) this.#write();
    });
  }
}

function lineOf({ wallMs, record, level, message }: Kept): string {
  const time = new Date(wallMs).toISOString();
  if (record === null) return JSON.stringify({ time, level, event: "note", message });
  const { key, ...fields } = record;
  const { deployment, version, cpu, memory } = partsOfKey(key);
  return JSON.stringify({
    time,
    level,
    event: "dispatch",
    didWarmStart: fields.didWarmStart,
    reason: fields.reason,
    mode: fields.mode,
    tookMs: Math.round(fields.tookMs * 1000) / 1000,
    run: cut(fields.run),
    snapshot: cut(fields.snapshot),
    deployment: cut(deployment),
    version: cut(version),
    cpu: cut(cpu),
    memory: cut(memory),
    controller: cut(fields.controller),
    instance: cut(fields.instance),
    offers: fields.offers,
    lapses: fields.lapses,
    isRepeated: fields.isRepeated,
    bytes: fields.bytes,
    traceparent: cut(fields.traceparent),
  });
}

/** What others have written may be as long as a head. */
function cut(text: string): string {
  return text.length > logTextCharactersMax ? `${text.slice(0, logTextCharactersMax)}…` : text;
}
