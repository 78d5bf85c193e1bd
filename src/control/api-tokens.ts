/** What the admin API says of tokens and of what was done with them, and takes to make and end them. */
import { z } from "zod";
import { appNameProblem } from "../deploy/names.ts";
import { ROLES } from "./access.ts";
import { auditListMax, tokenAppsMax, tokenNameCharactersMax } from "./limits.ts";

export const role = z.enum(ROLES);

export const tokenInfo = z.object({
  /** The part of the token behind `lvn_`; no secret. */
  id: z.string(),
  name: z.string(),
  role,
  /** Null: every app, and the node. */
  apps: z.array(z.string()).nullable(),
  createdAtMs: z.number(),
  /** Null: never. */
  expiresAtMs: z.number().nullable(),
  /** Within five minutes; null: never. */
  usedAtMs: z.number().nullable(),
});

const appName = z.string().superRefine((name, context) => {
  const problem = appNameProblem(name);
  if (problem !== null) context.addIssue({ code: "custom", message: problem });
});

export const tokenCreateInput = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(tokenNameCharactersMax)
    .regex(/^[\w.@:/+-]+$/, "must have letters, digits and . _ @ : / + - only")
    .refine((name) => !/^[0-9a-f]{10}$/.test(name), "must not look like the id of a token"),
  role,
  apps: z.array(appName).min(1).max(tokenAppsMax).nullable().default(null),
  /** Wall-clock milliseconds, in the future; null: never. */
  expiresAtMs: z.number().int().positive().nullable().default(null),
});
/** `token` is the token itself: shown this once, and kept nowhere. */
export const tokenCreated = tokenInfo.omit({ usedAtMs: true }).extend({ token: z.string() });

/** Its id or its name. */
export const tokenRevokeInput = z.strictObject({ token: z.string().min(1).max(200) });

/** Who asks, and whom. */
export const whoami = z.object({
  kind: z.enum(["owner", "token"]),
  name: z.string(),
  role,
  apps: z.array(z.string()).nullable(),
  expiresAtMs: z.number().nullable(),
  /** Of the node. */
  version: z.string(),
  domain: z.string(),
});

export const auditQuery = z.strictObject({
  app: z.string().optional(),
  /** Wall-clock milliseconds; entries before are left out. */
  sinceMs: z.coerce.number().nonnegative().optional(),
  /** The newest so many. Count. */
  limit: z.coerce.number().int().positive().max(auditListMax).default(100),
});
export const auditEntry = z.object({
  id: z.int(),
  atMs: z.number(),
  /** `owner`, `token:<id>`, or `nobody` for who was not let in. */
  actor: z.string(),
  /** The token's name at that time. */
  actorName: z.string(),
  /** Name of the endpoint, or `authenticate`. */
  action: z.string(),
  app: z.string().nullable(),
  /** Address that it came from, or `socket`. */
  address: z.string(),
  /** `ok`, or the code of the error. */
  result: z.string(),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});

export type TokenInfo = z.infer<typeof tokenInfo>;
export type AuditEntryInfo = z.infer<typeof auditEntry>;
