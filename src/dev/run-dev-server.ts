/** Runs a framework's own development server in the terminal, to its end or ours, and leaves nothing of it. */

import { BUILD_MARK, killBuild } from "../deploy/process-tree.ts";
import { devPath } from "./dev-path.ts";
import { devServerGraceMs } from "./limits.ts";

export interface DevServerRun {
  folder: string;
  /** Names what it starts, so that it can be found; unique to this run. */
  mark: string;
  /** Its `PORT`, for those that read it, and with `takesPort` its `--port`; null: as it likes. */
  port: number | null;
  takesPort: boolean;
  signal: AbortSignal;
}

/** @returns its exit code; null when the signal ended it */
export async function runDevServer({
  folder,
  mark,
  port,
  takesPort,
  signal,
}: DevServerRun): Promise<number | null> {
  const args = port !== null && takesPort ? ["--port", String(port)] : [];
  const child = Bun.spawn([process.execPath, "run", "dev", ...args], {
    cwd: folder,
    env: {
      ...process.env,
      PATH: devPath(folder),
      [BUILD_MARK]: mark,
      ...(port === null ? {} : { PORT: String(port) }),
    },
    stdio: ["inherit", "inherit", "inherit"],
  });
  const stopped = Promise.withResolvers<null>();
  // A terminal's Ctrl-C has reached it already; a signal to us alone has not.
  const onAbort = () => {
    child.kill("SIGTERM");
    setTimeout(() => stopped.resolve(null), devServerGraceMs).unref();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const code = await Promise.race([child.exited, stopped.promise]);
  signal.removeEventListener("abort", onAbort);
  await killBuild(mark);
  return signal.aborted ? null : code;
}
