/**
 * A demo as a person sees it: a line for each step, fitted to 80 columns. On a terminal the step that runs is the last
 * line and is written over; elsewhere a step is a line when it has ended.
 */
import { versionName } from "../base/version-spec.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import type { OutputStream } from "./cli-io.ts";
import type { DemoStep, StepScreen } from "./demo-steps.ts";
import { demoColumnsMax } from "./limits.ts";
import type { Paint } from "./paint.ts";
import { printable, printableLine } from "./printable.ts";
import { cutText } from "./table.ts";
import { showDuration } from "./units.ts";

const CLEAR_LINE = "\r\x1b[2K";
const nameColumns = 10;
const timeColumns = 8;

export class DemoScreen implements StepScreen {
  readonly #out: OutputStream;
  readonly #paint: Paint;

  constructor(out: OutputStream, paint: Paint) {
    this.#out = out;
    this.#paint = paint;
  }

  /** Lines as they are. */
  print(...lines: readonly string[]): void {
    for (const line of lines) this.#out.write(`${line}\n`);
  }

  running(name: string, detail: string): void {
    if (!this.#out.isTerminal) return;
    const text = cutText(printableLine(detail), this.#detailColumns);
    this.#out.write(
      `${CLEAR_LINE}  ${this.#paint.cyan("…")} ${name.padEnd(nameColumns)}${this.#paint.dim(text)}`,
    );
  }

  ended({ name, ok, ms, detail }: DemoStep): void {
    const { bold, dim, green, red } = this.#paint;
    const mark = ok ? green("✔") : red("✘");
    const text = cutText(printableLine(detail), this.#detailColumns);
    const space = " ".repeat(Math.max(0, this.#detailColumns - Bun.stringWidth(text)));
    const took = dim(showStepTime(ms).padStart(timeColumns));
    const clear = this.#out.isTerminal ? CLEAR_LINE : "";
    this.print(`${clear}  ${mark} ${bold(name.padEnd(nameColumns))}${text}${space}${took}`);
  }

  /** One line of the app's log, shorter than `levain logs` has it. */
  record(record: LogRecord): void {
    const { bold, cyan, dim, red } = this.#paint;
    const time = dim(record.time.slice(11, 19));
    const version = record.version === null ? "-" : versionName(record.version);
    const message = printable(record.message, this.#out.isTerminal);
    // `v1: Started in 21 ms` says twice what the column before says.
    const own = message.replace(new RegExp(`^${version}: `), "");
    const source =
      record.stream === "platform"
        ? cyan((record.event ?? "levain").padEnd(7))
        : record.stream === "stderr"
          ? red("stderr ")
          : bold("prints ");
    this.print(`  ${time}  ${version.padEnd(3)} ${source} ${own}`);
  }

  get #detailColumns(): number {
    const columns = Math.min(this.#out.columns, demoColumnsMax);
    return Math.max(20, columns - 4 - nameColumns - timeColumns);
  }
}

/** What is shown when one JSON object is all that may be printed. */
export const noScreen: StepScreen = { running() {}, ended() {} };

/** `0.8 ms`, `12 ms`, `1.4 s`. */
export function showStepTime(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : showDuration(ms);
}
