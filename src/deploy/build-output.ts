/**
 * What the children of one build print, as lines: passed on within a bound, and the last ones kept as evidence. When
 * the bound is reached a note says so, and lines are only kept from then on.
 */
import { LineReader, readLines } from "../telemetry/line-reader.ts";
import { shownOf } from "./drawn-line.ts";
import {
  evidenceLinesMax,
  hiddenCharactersMin,
  outputCharactersMax,
  outputLineBytesMax,
} from "./limits.ts";

export type OutputStream = "stdout" | "stderr";

export class BuildOutput {
  readonly #emit: (stream: OutputStream, line: string) => void;
  #charactersLeft = outputCharactersMax;
  #lastLines: string[] = [];
  #hidden: readonly string[] = [];

  /** @param emit is called for each line, in order */
  constructor(emit: (stream: OutputStream, line: string) => void) {
    this.#emit = emit;
  }

  /** The newest lines of the running step, oldest first. */
  get lastLines(): readonly string[] {
    return this.#lastLines;
  }

  /** Lets values be shown nowhere in the lines; short ones stand for themselves everywhere, and are left. */
  hide(values: Iterable<string>): void {
    const lines = [...values].flatMap((value) => value.split(/\r?\n/));
    this.#hidden = [...new Set(lines.map((line) => line.trim()))]
      .filter((line) => line.length >= hiddenCharactersMin)
      .sort((left, right) => right.length - left.length);
  }

  /** Forgets the lines of the step before. */
  startStep(): void {
    this.#lastLines = [];
  }

  /**
   * Reads a pipe to its end.
   *
   * @param signal ends the reading early: something outside of the build may hold the other end open
   */
  async read(
    stream: OutputStream,
    pipe: ReadableStream<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void> {
    const lines = new LineReader(outputLineBytesMax, ({ text }) => this.#line(stream, text));
    await readLines(pipe, lines, signal);
  }

  #line(stream: OutputStream, printed: string): void {
    const shown = shownOf(printed);
    const line = this.#hidden.reduce((text, value) => text.replaceAll(value, "[hidden]"), shown);
    this.#lastLines.push(line);
    if (this.#lastLines.length > evidenceLinesMax) this.#lastLines.shift();
    if (this.#charactersLeft <= 0) return;
    this.#charactersLeft -= line.length + 1;
    this.#emit(stream, line);
    if (this.#charactersLeft <= 0) {
      this.#emit(
        "stderr",
        `… more than ${outputCharactersMax} characters of output; the rest is left out`,
      );
    }
  }
}
