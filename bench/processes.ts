/** Processes of a measurement: started, awaited, measured and ended by their id. */
import { readdirSync, readFileSync } from "node:fs";

/** How long a process may take to say that it listens. Milliseconds. */
const startTimeoutMs = 10_000;
/** How long it may take to end before it is killed. Milliseconds. */
const stopTimeoutMs = 3000;

export interface Started extends AsyncDisposable {
  pid: number;
  /** The first line it printed; empty unless it was asked for. */
  line: string;
}

/**
 * Starts a process; with `saysWhen` resolves when its stdout has a line that begins so. Its stdin ends when it is
 * disposed of, then it gets SIGTERM, and SIGKILL when that is not enough.
 *
 * @throws when it ends or the time is over before the line came.
 */
export async function start(command: string[], saysWhen?: string): Promise<Started> {
  const child = Bun.spawn(command, { stdio: ["pipe", "pipe", "ignore"] });
  const stop = async () => {
    child.stdin.end();
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await child.exited;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
  try {
    const line = saysWhen === undefined ? "" : await lineWith(child.stdout, saysWhen);
    return { pid: child.pid, line, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw new Error(`Cannot start ${command.join(" ")}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function lineWith(stdout: ReadableStream<Uint8Array>, saysWhen: string): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of stdout.values({ preventCancel: true })) {
    text += decoder.decode(bytes, { stream: true });
    const lines = text.split("\n").slice(0, -1);
    const found = lines.find((line) => line.startsWith(saysWhen));
    if (found !== undefined) return found;
  }
  throw new Error(`it ended and had said ${JSON.stringify(text)}`);
}

/** Ids of a process's children, from /proc. */
export function childrenOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" "),
  );
  return children.filter((id) => id !== "").map(Number);
}

/** How long the main thread of a process has waited for a core since it began. Milliseconds; NaN where nobody counts. */
export function waitedMs(pid: number): number {
  try {
    const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Length of a tick in /proc/<pid>/stat. It is 100 Hz wherever Linux runs. Milliseconds. */
const tickMs = 10;

/** CPU time of a process since it began, user and system, all threads. Milliseconds, in steps of 10. */
export function cpuTimeMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything, so fields are counted from its end: utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}
