/**
 * A node in the background: a session of its own, output in node.log, and its word about the start over a pipe.
 *
 *   spawned ──"ok"──▶ asked for its status over the admin socket ──▶ serving
 *      ├──"not ok"──▶ its error is the command's
 *      ├──ends──▶ NODE_ENDED, with the last lines of the log
 *      └──says nothing in time──▶ NODE_START_TIMEOUT; it is left running
 */
import { closeSync, fstatSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { messageOf, PlatformError } from "../base/errors.ts";
import type { NodeStatus } from "../control/api.ts";
import type { NodeConfig } from "../control/node-config.ts";
import { AdminClient, NodeError } from "./admin-client.ts";
import type { CliIo } from "./cli-io.ts";
import { detachTimeoutMs, nodeLogTailLines, reportGraceMs } from "./limits.ts";
import type { StartReport } from "./start-report.ts";

/** @throws {PlatformError} why it does not serve. Ctrl-C meanwhile stops it. */
export async function startDetached(
  config: NodeConfig,
  words: readonly string[],
  io: CliIo,
): Promise<{ node: NodeStatus; log: string }> {
  const log = join(config.dataDir, "node.log");
  const logFd = openLog(config.dataDir, log);
  const logStart = fstatSync(logFd).size;
  const child = Bun.spawn([...io.selfCommand, ...words, "--report-fd", "3"], {
    cwd: io.cwd,
    env: { ...io.env, ...secretVariables(config) },
    stdio: ["ignore", logFd, logFd, "pipe"],
    // A session of its own: Ctrl-C and the end of this terminal do not reach it.
    detached: true,
  });
  closeSync(logFd);
  const interrupt = io.interrupt();
  const timeout = AbortSignal.timeout(detachTimeoutMs);
  const report = await firstOf(
    readReport(child.stdio[3] as number),
    child.exited.then(() => null),
    AbortSignal.any([interrupt, timeout]),
  );
  if (report === "aborted") {
    if (interrupt.aborted) {
      child.kill("SIGTERM");
      throw new PlatformError("INTERRUPTED", []);
    }
    child.unref();
    throw new PlatformError("NODE_START_TIMEOUT", [child.pid, detachTimeoutMs]);
  }
  if (report === null) {
    await child.exited;
    const how = child.signalCode === null ? `exit ${child.exitCode}` : String(child.signalCode);
    throw new PlatformError("NODE_ENDED", [how], {
      detail: { lastLines: await lastLines(log, logStart) },
    });
  }
  if (!report.ok) throw new NodeError(report.error);
  child.unref();
  return { node: await new AdminClient({ dataDir: config.dataDir }).call("status"), log };
}

/** Settings that must not stand on a command line, as variables; the node takes them out of its environment. */
function secretVariables({ databaseUrl, masterKey }: NodeConfig): Record<string, string> {
  return {
    ...(databaseUrl === undefined ? {} : { LEVAIN_DATABASE_URL: databaseUrl }),
    ...(masterKey === undefined ? {} : { LEVAIN_MASTER_KEY: masterKey }),
  };
}

function openLog(dataDir: string, log: string): number {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o711 });
    return openSync(log, "a", 0o600);
  } catch (error) {
    throw new PlatformError("DATA_DIR_UNUSABLE", [dataDir, messageOf(error)], { cause: error });
  }
}

/** The child's report, or null when its end of the pipe closed without one. */
async function readReport(descriptor: number): Promise<StartReport | null> {
  const decoder = new TextDecoder();
  let text = "";
  // Its own children may have inherited the pipe, so the end of the line counts, not the end of the stream.
  for await (const chunk of Bun.file(descriptor).stream()) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes("\n")) return JSON.parse(text) as StartReport;
  }
  return null;
}

function firstOf<T>(
  report: Promise<T>,
  end: Promise<null>,
  signal: AbortSignal,
): Promise<T | null | "aborted"> {
  const aborted = new Promise<"aborted">((resolve) => {
    signal.addEventListener("abort", () => resolve("aborted"), { once: true });
  });
  // A child that reports and ends at once has done both: what it said counts.
  const ended = end.then(() => Promise.race([report, Bun.sleep(reportGraceMs).then(() => null)]));
  return Promise.race([report, ended, aborted]);
}

async function lastLines(log: string, start: number): Promise<string[]> {
  const text = await Bun.file(log).slice(start).text();
  return text.trimEnd().split("\n").slice(-nodeLogTailLines);
}
