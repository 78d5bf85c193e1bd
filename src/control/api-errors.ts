/** How the admin API says what went wrong. */
import { z } from "zod";

/** What every failed answer, and the last line of a log stream that broke off, carries as `error`, here and in the CLI. */
export const errorBody = z.object({
  code: z.string(),
  message: z.string(),
  /** The underlying error's message, or null. */
  cause: z.string().nullable(),
  fix: z.string(),
  /** Path of the section in the docs. */
  docs: z.string(),
  detail: z.record(z.string(), z.unknown()).optional(),
});
