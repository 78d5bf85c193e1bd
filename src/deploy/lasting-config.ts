/** `declares` and `retention` of a config file: what a version says of itself, and how long it is kept. */
import { z } from "zod";
import { number, RETENTION_KEYS } from "./config-numbers.ts";
import * as limits from "./limits.ts";

const contract = z
  .union([z.string(), z.number()], "must be a word such as 12 or 2026-11")
  .transform(String)
  .pipe(z.string().min(1).max(limits.contractCharactersMax));

/** Names of versions that others rely on; numbers become strings. */
export const declaresSchema = z
  .strictObject({
    schema: contract.nullable().default(null),
    telemetry: contract.nullable().default(null),
    flags: z
      .array(z.string().min(1).max(limits.contractCharactersMax))
      .max(limits.flagsMax)
      .default([]),
  })
  .prefault({});

/** Keys below `declares`. */
export const DECLARES_KEYS = { schema: null, telemetry: null, flags: null } as const;

export const retentionSchema = z
  .strictObject({
    versionsMax: number(RETENTION_KEYS.versionsMax).nullable().default(null),
    daysMax: number(RETENTION_KEYS.daysMax).nullable().default(null),
  })
  .prefault({});
