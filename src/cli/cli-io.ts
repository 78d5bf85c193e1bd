/**
 * What the command line needs of the world around it, passed in: the program is the same in a process, in a test and
 * inside another program.
 */
export interface CliIo {
  stdout: OutputStream;
  stderr: OutputStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Absolute path that relative ones are meant from. */
  cwd: string;
  /** The command that starts this program again, without the arguments of the command line. */
  selfCommand: readonly string[];
  /**
   * Aborted when the person presses Ctrl-C. Asking for it takes the key over: who never asks, ends at once.
   */
  interrupt(): AbortSignal;
  /** A line that is typed without being shown, or the first one of stdin; `prompt` is shown to who types. */
  secret(prompt: string): Promise<string>;
  /** All of stdin, at most so many bytes and without its last line's end; a line as above from who types. */
  value(prompt: string, bytesMax: number): Promise<string>;
  /** Whether the person says yes; null when nobody can be asked. */
  confirm(question: string): Promise<boolean | null>;
}

export interface OutputStream {
  /** Writes text as it is. Never throws: what a closed stream cannot take is dropped. */
  write(text: string): void;
  /** Resolves when the reader has taken what waits, or is gone; for who writes without end. */
  drained(): Promise<void>;
  isTerminal: boolean;
  /** Width of the terminal in characters; 80 when there is none and `COLUMNS` does not say. */
  columns: number;
  /** Aborted when the reader has gone away (`| head`). */
  closed: AbortSignal;
}
