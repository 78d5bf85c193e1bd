/** Runs the command line of `cli-for-tests.ts` as a real process. */
import { join } from "node:path";

export interface CliRun {
  code: number;
  stdout: string;
  stderr: string;
}

export interface CliProcessOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** What comes on stdin; nothing without it. */
  stdin?: string;
  /** Descriptor that its errors go to. Default: a pipe that is read. */
  stderr?: number;
}

/** Environment of every run: nothing of the developer's own, and no home to write to. */
const quietEnv = {
  PATH: process.env.PATH ?? "",
  HOME: "/dev/null",
  LEVAIN_DATA_DIR: "/dev/null",
};

export function spawnCli(
  words: readonly string[],
  { env = {}, cwd, stdin, stderr }: CliProcessOptions = {},
) {
  return Bun.spawn([process.execPath, join(import.meta.dir, "cli-for-tests.ts"), ...words], {
    env: { ...quietEnv, ...env },
    cwd: cwd ?? import.meta.dir,
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: (stderr ?? "pipe") as "pipe",
  });
}

/** To its end. */
export async function cli(
  words: readonly string[],
  options: CliProcessOptions = {},
): Promise<CliRun> {
  const child = spawnCli(words, options);
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}

/**
 * To its end, on a terminal of 60 columns; what it printed, with its escape sequences.
 *
 * @param typed what is typed at once when `prompt` has been printed
 */
export async function cliOnTerminal(
  words: readonly string[],
  env: Record<string, string> = {},
  { prompt = "", typed = "" } = {},
): Promise<string> {
  let printed = "";
  const ended = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "cli-for-tests.ts"), ...words], {
    env: { ...quietEnv, TERM: "xterm", ...env },
    cwd: import.meta.dir,
    terminal: {
      cols: 60,
      rows: 20,
      data(terminal, data) {
        printed += decoder.decode(data, { stream: true });
        if (typed === "" || !printed.includes(prompt)) return;
        terminal.write(typed);
        typed = "";
      },
      // All that was printed has been read by then.
      exit: () => ended.resolve(),
    },
  });
  await Promise.all([child.exited, ended.promise]);
  child.terminal?.close();
  return printed;
}
