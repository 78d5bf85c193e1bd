/** A broker in a process of its own, started for a measurement and ended with it. */
import { PlatformError } from "../base/errors.ts";
import { killAtExit } from "./leftovers.ts";
import { targetStartTimeoutMs } from "./limits.ts";

export interface OwnBroker extends AsyncDisposable {
  pid: number;
  /** Where runners poll. */
  url: string;
  /** Where supervisors dispatch. */
  dispatchUrl: string;
}

/** Of what it said before it ended. Lines. */
const notedLinesMax = 10;

/**
 * @param command starts one and prints a line of JSON with its `port` when it listens: `levain broker --port 0 --json`.
 * @throws {PlatformError} `PERF_TARGET_FAILED` when it ends or says nothing in time; nothing of it is left then.
 */
export async function startOwnBroker(command: readonly string[]): Promise<OwnBroker> {
  const child = Bun.spawn([...command], {
    stdio: ["ignore", "pipe", "pipe"],
    // What is measured is the broker as the command names it, not as this shell is set up.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith("LEVAIN_BROKER_")),
    ),
  });
  const release = killAtExit(child);
  const stop = async () => {
    // It has nothing to lose, and a drain takes its time.
    child.kill("SIGKILL");
    await child.exited;
    release();
  };
  // Its notes are for operators; of interest only when it does not start.
  const notes = new Response(child.stderr).text();
  const late = setTimeout(() => child.kill("SIGKILL"), targetStartTimeoutMs);
  try {
    const { port, dispatchPort } = await portsIn(child.stdout);
    return {
      pid: child.pid,
      url: `http://127.0.0.1:${port}`,
      dispatchUrl: `http://127.0.0.1:${dispatchPort ?? port}`,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    const said = (await notes).trim().split("\n").slice(-notedLinesMax);
    const why = [(error as Error).message, ...said].join("\n");
    throw new PlatformError("PERF_TARGET_FAILED", [command.join(" "), why], { cause: error });
  } finally {
    clearTimeout(late);
  }
}

interface Ports {
  port: number;
  dispatchPort?: number | null;
}

/** Goes on reading: a pipe that nobody empties would stop the broker. */
async function portsIn(stdout: ReadableStream<Uint8Array>): Promise<Ports> {
  const { promise, resolve, reject } = Promise.withResolvers<Ports>();
  const read = async () => {
    const decoder = new TextDecoder();
    let text: string | null = "";
    for await (const bytes of stdout) {
      if (text === null) continue;
      text += decoder.decode(bytes, { stream: true });
      const ports = text
        .split("\n")
        .slice(0, -1)
        .map(portsOf)
        .find((one) => one !== null);
      if (ports === undefined) continue;
      text = null;
      resolve(ports);
    }
    reject(new Error("it ended before it listened"));
  };
  read().catch(reject);
  return await promise;
}

function portsOf(line: string): Ports | null {
  try {
    const { data, ...said } = JSON.parse(line);
    const ports = data ?? said;
    return typeof ports.port === "number" ? ports : null;
  } catch {
    return null;
  }
}
