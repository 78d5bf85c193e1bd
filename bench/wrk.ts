/** One run of wrk and what it said. */
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface WrkRun {
  url: string;
  /** Header lines to send. */
  headers: readonly string[];
  connections: number;
  /** Sent with POST; default 0: GET. Bytes. */
  bodyBytes?: number;
  /** Whole seconds. */
  seconds: number;
}

export interface WrkResult {
  requests: number;
  requestsPerS: number;
  p50Ms: number;
  p99Ms: number;
  /** Connections that broke, and answers other than 2xx and 3xx. */
  errors: number;
  /** CPU time of wrk itself. Milliseconds. */
  cpuMs: number;
}

/** Why it cannot be run here, or null. */
export function wrkMissing(): string | null {
  return Bun.which("wrk") === null ? "wrk is not installed" : null;
}

/** How much longer than it was told it may run before it is killed. Milliseconds. */
const overtimeMs = 15_000;

/** @throws when wrk cannot connect at all. */
export async function wrk(run: WrkRun): Promise<WrkResult> {
  const headers = run.headers.flatMap((line) => ["-H", line]);
  const limits = ["-t1", `-c${run.connections}`, `-d${run.seconds}s`, "--latency"];
  const { bodyBytes = 0 } = run;
  await using script = bodyBytes === 0 ? null : await postScript(bodyBytes);
  const posts = script === null ? [] : ["-s", script.path];
  const child = Bun.spawn(["wrk", ...limits, ...posts, ...headers, run.url], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: run.seconds * 1000 + overtimeMs,
  });
  const [output, failure] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (child.exitCode !== 0) throw new Error(`wrk: ${failure || output}`);
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
  return { ...readWrk(output), cpuMs };
}

/** wrk makes the request once, so the script costs nothing per request. Disposing removes its file. */
async function postScript(bodyBytes: number): Promise<AsyncDisposable & { path: string }> {
  const path = join(tmpdir(), `levain-bench-${crypto.randomUUID()}.lua`);
  const file = Bun.file(path);
  await file.write(`wrk.method = "POST"\nwrk.body = string.rep("x", ${bodyBytes})\n`);
  return { path, [Symbol.asyncDispose]: () => file.delete() };
}

/** Reads wrk's report. @throws when there is no rate in it. */
export function readWrk(output: string): Omit<WrkResult, "cpuMs"> {
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(output)?.[1];
  if (rate === undefined) throw new Error(`not a report of wrk: ${output}`);
  const socketErrors = /Socket errors:(.*)/.exec(output)?.[1] ?? "";
  const statusErrors = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  return {
    requests: Number(/(\d+) requests in/.exec(output)?.[1] ?? 0),
    requestsPerS: Number(rate),
    p50Ms: latencyMs(output, "50%"),
    p99Ms: latencyMs(output, "99%"),
    errors:
      [...socketErrors.matchAll(/\d+/g)].reduce((sum, [count]) => sum + Number(count), 0) +
      statusErrors,
  };
}

const UNIT_MS: Record<string, number> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latencyMs(output: string, percentile: string): number {
  const match = new RegExp(`\\s${percentile}\\s+([\\d.]+)(us|ms|s|m)\\b`).exec(output);
  return match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] ?? ""]!;
}
