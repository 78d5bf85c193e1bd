/** Backups over the admin API: one that is made, line by line, and what there is. */
import type { BackupRequest } from "../backup/backups.ts";
import { asPlatformError, isForOperator } from "../base/errors.ts";
import type { AdminDeps } from "./deps.ts";
import { type LineStreamOptions, lineStream } from "./line-stream.ts";

export interface BackupStreamOptions extends Pick<LineStreamOptions, "signal" | "stopping"> {
  /** Called once, with `ok` or a code. */
  ended(result: string): void;
}

/** It is given up when its client goes away: nobody would know what became of it. */
export function backupStream(
  deps: Pick<AdminDeps, "backups" | "report">,
  request: BackupRequest,
  { signal, stopping, ended }: BackupStreamOptions,
): Response {
  return lineStream({
    signal,
    stopping,
    async produce(lines, cancel) {
      try {
        const result = await deps.backups.run(
          request,
          (progress) => {
            if (!lines.isFull) lines.write({ type: "progress", ...progress });
          },
          cancel,
        );
        ended("ok");
        lines.write({ type: "done", result });
      } catch (thrown) {
        const error = asPlatformError(thrown);
        if (isForOperator(error)) deps.report(thrown);
        ended(error.code);
        lines.write({ type: "failed", error: error.toBody() });
      }
    },
  });
}
