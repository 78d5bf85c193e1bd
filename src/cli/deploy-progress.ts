/**
 * A deploy while it runs, for a person: its steps with their times, and the build's output. On a terminal the step that
 * runs is the last line and is written over; elsewhere a step is a line when it has ended, or has something to say.
 */
import type { DeployEvent } from "../deploy/deploy-api.ts";
import type { StageReport } from "../migrations/report.ts";
import type { OutputStream } from "./cli-io.ts";
import { databaseLines } from "./database-text.ts";
import { stageLines } from "./migration-text.ts";
import { packageChangeLines } from "./package-changes-text.ts";
import type { Paint } from "./paint.ts";
import { planLines } from "./plan-text.ts";
import { printable, printableLine } from "./printable.ts";
import { showDuration } from "./units.ts";
import { hangingLines } from "./wrap-words.ts";

const CLEAR_LINE = "\r\x1b[2K";

export class DeployProgress {
  readonly #out: OutputStream;
  readonly #paint: Paint;
  readonly #nowMs: () => number;
  #step: { name: string; detail: string; startMs: number; isShown: boolean } | null = null;

  constructor(out: OutputStream, paint: Paint, nowMs: () => number) {
    this.#out = out;
    this.#paint = paint;
    this.#nowMs = nowMs;
  }

  /** The step before is done, and this one runs. `detail` is said behind its time. */
  step(name: string, detail = ""): void {
    this.#endStep("✔", this.#paint.green);
    this.#step = { name, detail, startMs: this.#nowMs(), isShown: false };
    if (this.#out.isTerminal) this.#showRunning();
  }

  take(event: DeployEvent): void {
    switch (event.type) {
      case "step":
        return this.step(event.step);
      case "plan":
        return planLines(event.plan).forEach((line) => void this.#line(`    ${line}`));
      case "planned":
        return this.#endStep("✔", this.#paint.green);
      case "output":
        return this.#line(`    ${this.#paint.dim(printable(event.line, this.#out.isTerminal))}`);
      case "database":
        for (const line of databaseLines(event.made)) this.#line(`    ${this.#paint.dim(line)}`);
        return;
      case "migration":
        return this.#migration(event.report);
      case "packages":
        return this.#packages(packageChangeLines(event.changes));
      case "warning":
        return this.warn(event.message);
      case "verified":
      case "done":
        return this.#endStep("✔", this.#paint.green);
      case "failed":
        return this.#endStep("✘", this.#paint.red);
    }
  }

  #migration(report: StageReport): void {
    const columns = this.#out.isTerminal ? this.#out.columns : undefined;
    for (const line of stageLines(report)) {
      for (const part of hangingLines(`    ${printableLine(line)}`, columns)) {
        this.#line(this.#paint.dim(part));
      }
    }
  }

  #packages(lines: readonly string[]): void {
    for (const line of lines) {
      const paint = line.startsWith("!") ? this.#paint.yellow : this.#paint.dim;
      this.#line(`  ${paint(line)}`);
    }
  }

  warn(message: string): void {
    const columns = this.#out.isTerminal ? this.#out.columns : undefined;
    const [first = "", ...rest] = hangingLines(`  ! ${printableLine(message)}`, columns);
    this.#line(`  ${this.#paint.yellow("!")}${first.slice(3)}`);
    for (const text of rest) this.#line(text);
  }

  /** Leaves the terminal as it should be, however the deploy ended. */
  close(): void {
    this.#endStep("✘", this.#paint.red);
  }

  #endStep(mark: string, paint: (text: string) => string): void {
    if (this.#step === null) return;
    const { name, detail, startMs } = this.#step;
    this.#step = null;
    const took = showDuration(this.#nowMs() - startMs);
    const facts = this.#paint.dim(detail === "" ? took : `${took}, ${detail}`);
    const clear = this.#out.isTerminal ? CLEAR_LINE : "";
    this.#out.write(`${clear}  ${paint(mark)} ${name.padEnd(8)} ${facts}\n`);
  }

  #line(text: string): void {
    if (this.#out.isTerminal) {
      this.#out.write(`${CLEAR_LINE}${text}\n`);
      this.#showRunning();
      return;
    }
    if (this.#step?.isShown === false) this.#showRunning();
    this.#out.write(`${text}\n`);
  }

  #showRunning(): void {
    if (this.#step === null) return;
    this.#step.isShown = true;
    const line = `  ${this.#paint.cyan("…")} ${this.#step.name}`;
    this.#out.write(this.#out.isTerminal ? line : `${line}\n`);
  }
}
