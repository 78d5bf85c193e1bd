/** One short command of the system, run to its end with a deadline and a clean environment. */
import { messageOf } from "../base/errors.ts";

export interface CommandResult {
  /** 0 to 255; null when a signal ended it, when it could not be started, or at the deadline. */
  exitCode: number | null;
  stdout: string;
  /** What it printed on stderr, or why it could not be started. */
  stderr: string;
}

export interface CommandOptions {
  /** Killed beyond this. Milliseconds. */
  timeoutMs: number;
  /** Run as this user; default: as this process. */
  as?: { uid: number; gid: number } | undefined;
}

/** Environment of every child here: nothing of the node's own gets in. */
export const cleanEnvironment = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LC_ALL: "C",
  TZ: "UTC",
};

/** Never throws: a command that is missing is a result too. */
export async function runCommand(
  command: readonly string[],
  { timeoutMs, as }: CommandOptions,
): Promise<CommandResult> {
  try {
    await using child = Bun.spawn([...command], {
      // The caller's folder may be closed to the other user.
      cwd: "/",
      env: cleanEnvironment,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      ...(as === undefined ? {} : { uid: as.uid, gid: as.gid }),
    });
    const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
    await child.exited;
    return { exitCode: child.exitCode, stdout, stderr };
  } catch (error) {
    return { exitCode: null, stdout: "", stderr: messageOf(error) };
  }
}
