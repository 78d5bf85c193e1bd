/**
 * Runs a project's build command as the developer would, and ends all that it has started: when it is done, when it takes
 * too long, and when nobody wants its result any more.
 */
import { PlatformError } from "../base/errors.ts";
import { BuildOutput } from "../deploy/build-output.ts";
import { outputGraceMs } from "../deploy/limits.ts";
import { BUILD_MARK, killBuild } from "../deploy/process-tree.ts";
import { devPath } from "./dev-path.ts";

export interface BuildCommand {
  /** Where it runs: the project. */
  folder: string;
  command: string;
  /** Beside our own environment. */
  env: Readonly<Record<string, string>>;
  /** Names what it starts, so that it can be found; see `killBuild`. No other one runs with it. */
  mark: string;
  timeoutMs: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/**
 * Nothing that carries its mark runs when this settles.
 *
 * @returns what it printed, in that order, without empty lines
 * @throws {PlatformError} `BUILD_FAILED`, `BUILD_TIMEOUT`; the signal's reason
 */
export async function runBuildCommand(options: BuildCommand): Promise<string[]> {
  const { folder, command, env, mark, timeoutMs, signal } = options;
  signal.throwIfAborted();
  const lines: string[] = [];
  const output = new BuildOutput((_stream, line) => lines.push(line));
  // One pipe for both of its outputs: of two, nobody knows which line was first.
  const child = Bun.spawn(["/bin/sh", "-c", 'exec /bin/sh -c "$1" 2>&1', "sh", command], {
    cwd: folder,
    env: { ...process.env, ...env, PATH: devPath(folder), [BUILD_MARK]: mark },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const closing = new AbortController();
  const read = output.read("stdout", child.stdout, closing.signal);
  const tooLate = Promise.withResolvers<"too late">();
  const timer = setTimeout(() => tooLate.resolve("too late"), timeoutMs);
  const aborted = Promise.withResolvers<"aborted">();
  const onAbort = () => aborted.resolve("aborted");
  signal.addEventListener("abort", onAbort, { once: true });
  const end = await Promise.race([child.exited, tooLate.promise, aborted.promise]);
  clearTimeout(timer);
  signal.removeEventListener("abort", onAbort);
  child.kill("SIGKILL");
  // Also what it has left in the background, which may hold the pipe open.
  await killBuild(mark);
  await child.exited;
  // Something may have shed the mark.
  const grace = setTimeout(() => closing.abort(), outputGraceMs);
  await read;
  clearTimeout(grace);

  signal.throwIfAborted();
  if (end === 0) return lines.filter((line) => line !== "");
  const detail = { lastLines: output.lastLines.filter((line) => line !== "") };
  if (end === "too late") throw new PlatformError("BUILD_TIMEOUT", [timeoutMs], { detail });
  const how = child.signalCode ?? `exit ${end}`;
  throw new PlatformError("BUILD_FAILED", [`\`${command}\` ended with ${how}`], { detail });
}
