/** Where the corpus is sent: the probe app by itself, or behind something. */

/** The ways an app can be written: a handler that is exported, one given to Bun.serve, a server of node:http. */
export type Shape = "fetch" | "serve" | "node";

export const shapes: readonly Shape[] = ["fetch", "serve", "node"];

export interface Target {
  /** On 127.0.0.1. */
  port: number;
  /** Host header that leads to the app. */
  host: string;
  /** Ends every process of it. Twice is safe. */
  stop(): Promise<void>;
}

/** Entry module of a shape, relative to `appsDir`. */
export function entryOf(shape: Shape): string {
  return `${shape}-shape.ts`;
}

/** The folder of the probe app: complete in itself, so that it can be deployed. */
export const appsDir = `${import.meta.dir}/apps`;

/** How long an app may take to say where it listens. Milliseconds. */
const startTimeoutMs = 10_000;

/** How long it may take to end. Milliseconds. */
const stopTimeoutMs = 5000;

/** The probe app as plain Bun runs it: the oracle. */
export async function startBare(shape: Shape): Promise<Target> {
  const preload = ["--preload", `${import.meta.dir}/end-with-stdin.ts`];
  const env = { NODE_ENV: "production", PORT: "0" };
  return startProcess([...preload, `${appsDir}/${entryOf(shape)}`], env);
}

/** The probe app behind Levain's edge, in a process of its own. */
export async function startEdge(shape: Shape, folder = appsDir): Promise<Target> {
  return startProcess([`${import.meta.dir}/edge-process.ts`, folder, entryOf(shape)], {});
}

/** Runs a module that prints the port it listens on, and ends when its stdin does: also when this process is killed. */
async function startProcess(command: string[], env: Record<string, string>): Promise<Target> {
  const child = Bun.spawn([process.execPath, ...command], {
    env: { ...process.env, ...env },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const stop = async () => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
    await child.exited;
    clearTimeout(timer);
  };
  const timer = setTimeout(() => child.kill("SIGKILL"), startTimeoutMs);
  try {
    // `bun <module>` says "Started server: http://localhost:<port>"; the others print a line of their own.
    for await (const line of linesOf(child.stdout)) {
      const port = Number(/(?:listening on |localhost:)(\d+)/.exec(line.trim())?.[1]);
      if (port > 0) return { port, host: `probe.localhost:${port}`, stop };
    }
  } finally {
    clearTimeout(timer);
  }
  await stop();
  throw new Error(`${command.at(-1)} ended before it listened`);
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  // Not cancelled when the caller has seen enough: a closed pipe would end the app at its next print.
  for await (const bytes of stream.values({ preventCancel: true })) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
