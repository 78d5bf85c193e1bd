/** System calls of one thread, by strace: which, how often, and the bytes that went through them. */
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface SystemCall {
  name: string;
  /** First argument; NaN when it is not a number. */
  fd: number;
  /** What it returned; -1 for an error. */
  result: number;
  /** What `sendto`, `recvfrom`, `read` and `write` moved; empty for others. */
  bytes: Buffer;
}

export interface Trace extends AsyncDisposable {
  /** Lets go of the process; its calls since `traceCalls` resolved. */
  stop(): Promise<SystemCall[]>;
}

/** How long strace may take to attach. Milliseconds. */
const attachTimeoutMs = 10_000;
/** More bytes than any single call of ours moves. */
const payloadBytesMax = 1024 * 1024;

/**
 * Watches the main thread of a process: the event loop. What the collector's threads do is not counted. Resolves when
 * strace has attached. @throws when it cannot (not installed, not allowed).
 */
export async function traceCalls(pid: number): Promise<Trace> {
  const file = join(tmpdir(), `levain-trace-${process.pid}-${pid}.txt`);
  const child = Bun.spawn(
    ["strace", "-xx", "-s", String(payloadBytesMax), "-o", file, "-p", String(pid)],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const timer = setTimeout(() => child.kill("SIGINT"), attachTimeoutMs);
  let said = "";
  for await (const chunk of child.stderr.values({ preventCancel: true })) {
    said += Buffer.from(chunk).toString();
    if (said.includes(" attached")) break;
  }
  clearTimeout(timer);
  const end = async () => {
    child.kill("SIGINT");
    await child.exited;
  };
  if (!said.includes(" attached")) {
    await end();
    throw new Error(`strace cannot attach: ${said.trim()}`);
  }
  return {
    async stop() {
      await end();
      return readTrace(await Bun.file(file).text());
    },
    async [Symbol.asyncDispose]() {
      await end();
      await Bun.file(file)
        .delete()
        .catch(() => {});
    },
  };
}

/** Why nothing can be traced here, or null. */
export async function traceMissing(): Promise<string | null> {
  if (Bun.which("strace") === null) return "strace is not installed";
  const child = Bun.spawn(["sleep", "10"], { stdio: ["ignore", "ignore", "ignore"] });
  try {
    await using _trace = await traceCalls(child.pid);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    child.kill("SIGKILL");
    await child.exited;
  }
}

/** Reads what `strace -xx` wrote. Signals, and calls that never returned, are left out. */
export function readTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = [];
  for (const line of text.split("\n")) {
    const found = /^(\w+)\((-?\d+)?.* = (-?\d+|0x[0-9a-f]+)(?: .*)?$/.exec(line);
    if (found === null) continue;
    const [, name = "", fd, result] = found;
    calls.push({
      name,
      fd: Number(fd ?? Number.NaN),
      result: Number(result),
      bytes: movedBytes(name, line, Number(result)),
    });
  }
  return calls;
}

function movedBytes(name: string, line: string, result: number): Buffer {
  if (!/^(sendto|recvfrom|read|write)$/.test(name) || result <= 0) return Buffer.alloc(0);
  const hex = /"((?:\\x[0-9a-f]{2})*)"/.exec(line)?.[1] ?? "";
  return Buffer.from(hex.replaceAll("\\x", ""), "hex").subarray(0, result);
}

/** How often each call was made. */
export function countsOf(calls: readonly SystemCall[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { name } of calls) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
