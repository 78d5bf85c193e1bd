/** What the admin API says of log lines, and takes to choose among them. */
import { z } from "zod";
import { logGrepCharactersMax, logTailMax } from "./limits.ts";

/** One line of an app's log: something the app printed, or an event of the platform's own. */
export const logRecord = z.object({
  /** ISO 8601, UTC, milliseconds. */
  time: z.string(),
  app: z.string(),
  version: z.int().nullable(),
  /** Id of the instance, or null for what is not one process's. */
  instance: z.string().nullable(),
  /** `stdout` and `stderr` are the app's; `platform` is Levain's. */
  stream: z.enum(["stdout", "stderr", "platform"]),
  requestId: z.string().nullable(),
  /** Event name for `platform` records (`start`, `freeze`, `wake`, `exit`, `deploy`, `verdict` …), else null. */
  event: z.string().nullable(),
  message: z.string(),
  /** Numbers and names that belong to a platform event. */
  fields: z.record(z.string(), z.unknown()).optional(),
});

export const logsQuery = z.strictObject({
  version: z.coerce.number().int().positive().optional(),
  /** Wall-clock milliseconds; records before are left out. */
  sinceMs: z.coerce.number().nonnegative().optional(),
  /** Plain text that the message must contain. */
  grep: z.string().max(logGrepCharactersMax).optional(),
  /** Newest records to give when there are more. Count. */
  tail: z.coerce.number().int().positive().max(logTailMax).optional(),
  /** The requests that were answered, in place of what the app printed. */
  requests: z.stringbool().default(false),
  follow: z.stringbool().default(false),
});

export type LogsQuery = z.infer<typeof logsQuery>;
