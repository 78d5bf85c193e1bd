/**
 * What a process prints, as two streams.
 *
 *   new ──▶ `ends` are inherited ──closeEnds()──▶ both streams are being read ──close()──▶ nothing is ours
 *
 * Streams take descriptors of their own with their first read, so `close` leaves those that are being read alone.
 */
import { closeSync } from "node:fs";
import { openPipe } from "./libc.ts";

export class OutputPipes {
  /** Descriptors for 1 and 2 of the process. */
  readonly ends: readonly [stdout: number, stderr: number];
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly #opened: number[] = [];

  /** @throws {LibcError} without descriptors; none stays open then */
  constructor() {
    try {
      const [stdout, stdoutEnd] = this.#open();
      const [stderr, stderrEnd] = this.#open();
      this.ends = [stdoutEnd, stderrEnd];
      this.stdout = Bun.file(stdout).stream();
      this.stderr = Bun.file(stderr).stream();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Called once the process has them. */
  closeEnds(): void {
    for (const end of this.ends) closeSync(end);
    for (const end of this.ends) this.#opened.splice(this.#opened.indexOf(end), 1);
  }

  /** Closes what is open of ours. Twice is safe. */
  close(): void {
    for (const descriptor of this.#opened.splice(0)) closeSync(descriptor);
  }

  #open(): [number, number] {
    const ends = openPipe();
    this.#opened.push(...ends);
    return ends;
  }
}
