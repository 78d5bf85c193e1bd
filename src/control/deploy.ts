/**
 * One deploy as a stream of lines. Whatever happens, the last line is `done`, `planned`, `verified` or `failed`, and there is only one of
 * them. A client that goes away cancels its deploy; a client that stops reading only loses lines of build output.
 */
import { asPlatformError, isForOperator } from "../base/errors.ts";
import type { DeployEvent, DeployQuery, DeployResult } from "../deploy/deploy-api.ts";
import type { Deploying } from "../deploy/deploy-job.ts";
import { sourceUploadBytesMax } from "../deploy/limits.ts";
import type { AdminDeps } from "./deps.ts";
import { uploadSilenceMs } from "./limits.ts";
import { type LineStreamOptions, type LineWriter, lineStream } from "./line-stream.ts";
import { watchUpload } from "./upload.ts";

export interface DeployStreamOptions extends Pick<LineStreamOptions, "signal" | "stopping"> {
  /** Who deploys, by name. */
  name: string;
  /** The same, unless it is with the node's own token. */
  token: string | null;
  /** Asked when it is clear which app it is. @throws {PlatformError} why it may not be deployed */
  assertMayDeploy(app: string): void;
  /** Told once, when it is over. */
  ended(
    how: { app: string | null; result: DeployResult } | { app: string | null; code: string },
  ): void;
}

export function deployStream(
  deps: Pick<AdminDeps, "deployer" | "report">,
  query: DeployQuery,
  body: ReadableStream<Uint8Array>,
  { signal, stopping, name, token, assertMayDeploy, ended }: DeployStreamOptions,
): Response {
  let app = query.app ?? null;
  const deploying: Deploying = {
    name,
    token,
    assertMayDeploy(named) {
      app = named;
      assertMayDeploy(named);
    },
  };
  const upload = watchUpload(body, { bytesMax: sourceUploadBytesMax, silenceMs: uploadSilenceMs });
  return lineStream({
    signal,
    stopping,
    async produce(lines, cancel) {
      const emit = emitter(lines);
      try {
        const result = await deps.deployer.deploy(upload, query, emit, cancel, deploying);
        if ("plan" in result) {
          ended({ app, code: "planned" });
          return emit({ type: "planned", ...result });
        }
        if (!("version" in result)) {
          ended({ app, code: "verified" });
          return emit({ type: "verified", ...result });
        }
        ended({ app, result });
        emit({ type: "done", result });
      } catch (thrown) {
        const error = asPlatformError(thrown);
        if (isForOperator(error)) deps.report(thrown);
        ended({ app, code: error.code });
        emit({ type: "failed", error: error.toBody() });
      } finally {
        // What the deploy did not read must not keep the connection from ending.
        if (!upload.locked) await upload.cancel().catch(() => {});
      }
    },
  });
}

function emitter(lines: LineWriter): (event: DeployEvent) => void {
  let isOver = false;
  let leftOut = 0;
  return (event) => {
    if (isOver) return;
    if (event.type === "output" && lines.isFull) {
      leftOut += 1;
      return;
    }
    if (leftOut > 0) {
      const line = `… ${leftOut} lines left out: the client did not read them`;
      lines.write({ type: "output", stream: "stderr", line } satisfies DeployEvent);
      leftOut = 0;
    }
    isOver = event.type === "done" || event.type === "planned" || event.type === "failed";
    lines.write(event);
  };
}
