/** The command line's world as this process has it. */
import { fstatSync } from "node:fs";
import type { CliIo, OutputStream } from "./cli-io.ts";
import { columnsDefault } from "./limits.ts";

export function processIo(): CliIo {
  let interrupted: AbortController | undefined;
  return {
    stdout: outputStream(1),
    stderr: outputStream(2),
    env: process.env,
    cwd: process.cwd(),
    selfCommand: [process.execPath, ...process.execArgv, Bun.main],
    interrupt() {
      if (interrupted === undefined) {
        const controller = new AbortController();
        interrupted = controller;
        process.on("SIGINT", () => {
          // The second press does not wait for a clean end.
          if (controller.signal.aborted) process.exit(130);
          controller.abort();
        });
      }
      return interrupted.signal;
    },
    async secret(prompt) {
      const { readSecret } = await import("./secret-input.ts");
      return readSecret(prompt);
    },
    async value(prompt, bytesMax) {
      const { readValue } = await import("./value-input.ts");
      return readValue(prompt, bytesMax);
    },
    async confirm(question) {
      const { askYes } = await import("./value-input.ts");
      return askYes(question);
    },
  };
}

/** Ends the process once everything written has left it; `process.exit` alone cuts what a pipe has not taken yet. */
export async function exitWhenWritten(code: number, io: CliIo): Promise<never> {
  await Promise.all([io.stdout.drained(), io.stderr.drained()]);
  process.exit(code);
}

/** A terminal is written as Bun does it; to everything else goes a sink, which loads 15 ms faster. */
function outputStream(fd: 1 | 2): OutputStream {
  const closed = new AbortController();
  const terminal = terminalOf(fd);
  const sink = terminal === null ? (fd === 1 ? Bun.stdout : Bun.stderr).writer() : null;
  let written: Promise<unknown> = Promise.resolve();
  terminal?.on("error", () => closed.abort());
  return {
    write(text) {
      if (closed.signal.aborted) return;
      const writing = sink === null ? writeTerminal(terminal, text) : writeSink(sink, text);
      // A reader that has gone away (EPIPE) is no failure of ours; the sink throws or rejects, as it comes.
      written = writing.catch(() => closed.abort());
    },
    async drained() {
      await written;
    },
    isTerminal: terminal !== null,
    get columns() {
      const width = terminal === null ? Number(process.env.COLUMNS) : terminal.columns;
      return Number.isInteger(width) && width > 0 ? width : columnsDefault;
    },
    closed: closed.signal,
  };
}

function writeTerminal(terminal: NodeJS.WriteStream | null, text: string): Promise<void> {
  return new Promise((resolve) => terminal?.write(text, () => resolve()));
}

async function writeSink(sink: Bun.FileSink, text: string): Promise<void> {
  const taken = sink.write(text);
  const flushed = sink.flush();
  await taken;
  await flushed;
}

function terminalOf(fd: 1 | 2): NodeJS.WriteStream | null {
  try {
    // Only a character device can be one, and /dev/null (major 1) is none; asking `process.stdout` costs 10 ms.
    const file = fstatSync(fd);
    if (!file.isCharacterDevice() || file.rdev >> 8 === 1) return null;
  } catch {
    return null;
  }
  const stream = fd === 1 ? process.stdout : process.stderr;
  return stream.isTTY === true ? stream : null;
}
