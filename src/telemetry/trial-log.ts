/**
 * Keeps records of versions apart from those of builds that never became one. Until a build has passed its boot check
 * its number is a guess: the next build gets it when this one fails. So records of a trial are held, and written when it
 * is known whose they are.
 *
 *   begin() ──▶ held ──keep()─────▶ written with their number
 *                └─────disown()──▶ written without it, and with the build's id
 */
import type { Clock } from "../base/clock.ts";
import { type VersionSpec, versionName } from "../base/version-spec.ts";
import { trialCharactersMax, trialRecordsMax } from "./limits.ts";
import { gapRecord } from "./log-line.ts";
import type { LogRecord, LogSink } from "./log-record.ts";

type TrialVersion = Pick<VersionSpec, "app" | "number" | "digest">;

interface Trial extends TrialVersion {
  /** Oldest first. */
  held: LogRecord[];
  /** Characters of their messages. */
  characters: number;
  /** Records that were dropped for newer ones. Count. */
  dropped: number;
}

export class TrialLog implements LogSink {
  readonly #sink: LogSink;
  readonly #clock: Clock;
  /** By app and number; as many as deploys run at once. */
  readonly #trials = new Map<string, Trial>();

  constructor(sink: LogSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  write(record: LogRecord): void {
    const trial =
      this.#trials.size === 0 || record.version === null
        ? undefined
        : this.#trials.get(keyOf(record.app, record.version));
    if (trial === undefined) return this.#sink.write(record);
    trial.held.push(record);
    trial.characters += record.message.length;
    while (trial.held.length > trialRecordsMax || trial.characters > trialCharactersMax) {
      trial.characters -= trial.held.shift()?.message.length ?? 0;
      trial.dropped += 1;
    }
  }

  /** From here on records of this version are held, until `keep` or `disown`; one of them has to be called. */
  begin(version: TrialVersion): void {
    this.#end(keyOf(version.app, version.number), disowned);
    const { app, number, digest } = version;
    const trial = { app, number, digest, held: [], characters: 0, dropped: 0 };
    this.#trials.set(keyOf(app, number), trial);
  }

  /** The version came to be. Twice is safe. */
  keep({ app, number }: TrialVersion): void {
    this.#end(keyOf(app, number), (record) => record);
  }

  /** It never will; its processes have ended. Twice is safe. */
  disown({ app, number }: TrialVersion): void {
    this.#end(keyOf(app, number), disowned);
  }

  /** Writes what is held: of trials that the end of the node cuts short. */
  close(): void {
    for (const key of [...this.#trials.keys()]) this.#end(key, disowned);
  }

  #end(key: string, as: (record: LogRecord, trial: Trial) => LogRecord): void {
    const trial = this.#trials.get(key);
    if (trial === undefined) return;
    this.#trials.delete(key);
    if (trial.dropped > 0) {
      const why = "too many before its boot check was over";
      this.#sink.write(gapRecord(trial.app, this.#clock.wallMs(), trial.dropped, why));
    }
    for (const record of trial.held) this.#sink.write(as(record, trial));
  }
}

function disowned(record: LogRecord, { number, digest }: Trial): LogRecord {
  const prefix = `${versionName(number)}: `;
  const isOurs = record.stream === "platform" && record.message.startsWith(prefix);
  return {
    ...record,
    version: null,
    message: isOurs ? record.message.slice(prefix.length) : record.message,
    fields: { ...record.fields, build: digest.slice(0, buildIdCharacters) },
  };
}

/** As many as `levain versions` shows of a digest. */
const buildIdCharacters = 12;

function keyOf(app: string, number: number): string {
  return `${app}/${number}`;
}
