/**
 * A deploy while it runs, for a person: its steps with their times and the build's output below them. On a terminal the
 * step that runs is the last line and is written over; elsewhere every line stays.
 */
import type { DeployEvent } from "../deploy/deploy-api.ts";
import type { OutputStream } from "./cli-io.ts";
import type { Paint } from "./paint.ts";
import { printable, printableLine } from "./printable.ts";
import { showDuration } from "./units.ts";

const CLEAR_LINE = "\r\x1b[2K";

export class DeployProgress {
  readonly #out: OutputStream;
  readonly #paint: Paint;
  readonly #nowMs: () => number;
  #step: { name: string; startMs: number } | null = null;

  constructor(out: OutputStream, paint: Paint, nowMs: () => number) {
    this.#out = out;
    this.#paint = paint;
    this.#nowMs = nowMs;
  }

  /** The step before is done, and this one runs. */
  step(name: string): void {
    this.#endStep("✔", this.#paint.green);
    this.#step = { name, startMs: this.#nowMs() };
    this.#showRunning();
  }

  take(event: DeployEvent): void {
    switch (event.type) {
      case "step":
        return this.step(event.step);
      case "output":
        return this.#line(`    ${this.#paint.dim(printable(event.line, this.#out.isTerminal))}`);
      case "warning":
        return this.warn(event.message);
      case "done":
        return this.#endStep("✔", this.#paint.green);
      case "failed":
        return this.#endStep("✘", this.#paint.red);
    }
  }

  warn(message: string): void {
    this.#line(`  ${this.#paint.yellow("!")} ${printableLine(message)}`);
  }

  /** Leaves the terminal as it should be, however the deploy ended. */
  close(): void {
    this.#endStep("✘", this.#paint.red);
  }

  #endStep(mark: string, paint: (text: string) => string): void {
    if (this.#step === null) return;
    const { name, startMs } = this.#step;
    this.#step = null;
    const took = this.#paint.dim(showDuration(this.#nowMs() - startMs));
    const clear = this.#out.isTerminal ? CLEAR_LINE : "";
    this.#out.write(`${clear}  ${paint(mark)} ${name.padEnd(8)} ${took}\n`);
  }

  #line(text: string): void {
    this.#out.write(`${this.#out.isTerminal ? CLEAR_LINE : ""}${text}\n`);
    if (this.#out.isTerminal) this.#showRunning();
  }

  #showRunning(): void {
    if (this.#step === null) return;
    const line = `  ${this.#paint.cyan("…")} ${this.#step.name}`;
    this.#out.write(this.#out.isTerminal ? line : `${line}\n`);
  }
}
