/**
 * How a version came to be, as it is kept with it. Written once at the deploy. What earlier releases did not write is null
 * or empty.
 */
import { z } from "zod";
import { type Declares, nothingDeclared } from "../base/version-spec.ts";

/** The Git working tree that was deployed. */
const gitSource = z.object({
  commit: z.string().nullable(),
  /** Null on a detached head. */
  branch: z.string().nullable(),
  /** Files differ from the commit; null when the client could not tell. */
  isDirty: z.boolean().nullable(),
});

/** See `Declares`. */
export const declared = z.object({
  schema: z.string().nullable(),
  telemetry: z.string().nullable(),
  flags: z.array(z.string()).readonly(),
}) satisfies z.ZodType<Declares>;

const text = z.string().nullable().default(null);

export const provenance = z.object({
  /** Version of Levain that built it. */
  levain: text,
  bun: text,
  bunRevision: text,
  /** What built it: operating system, processor and how the build was held. */
  builder: z
    .object({ platform: z.string(), arch: z.string(), sandbox: z.string() })
    .nullable()
    .default(null),
  git: gitSource.nullable().default(null),
  /** Who deployed it, as the admin API knew them. */
  deployedBy: text,
  /** The template that the project was made from. */
  template: text,
  framework: text,
  /** Its build command. */
  command: text,
  lockfile: text,
  lockfileSha256: text,
  configSha256: text,
  /** The entry before it was bundled. */
  entry: text,
  bundled: z.boolean().default(true),
  ms: z.object({ build: z.number(), boot: z.number() }).nullable().default(null),
  /** Of the artifact. Count. */
  files: z.int().nullable().default(null),
  /** The largest files of the artifact. */
  largest: z.array(z.object({ path: z.string(), bytes: z.number() })).default([]),
  /** Counts; null when they could not be listed. */
  packages: z
    .object({ production: z.int(), development: z.int(), leftOut: z.int() })
    .nullable()
    .default(null),
  scripts: z
    .object({
      /** Lifecycle scripts of packages, and of the project itself. */
      declared: z.array(z.object({ name: z.string(), scripts: z.array(z.string()) })),
      /** Those that ran. Levain runs none. */
      ran: z.array(z.string()),
    })
    .default({ declared: [], ran: [] }),
  /** Why it may run production on another runtime than before, when no verdict says so. */
  runtimeForced: z
    .object({ from: z.string(), to: z.string(), objection: z.string(), reason: z.string() })
    .nullable()
    .default(null),
  declares: declared.default(nothingDeclared),
  /** The version whose artifact it is, when it was made from that with the environment of a branch. */
  rebound: z.object({ version: z.int(), branch: z.string() }).nullable().default(null),
});

export type Provenance = z.infer<typeof provenance>;
export type RuntimeForce = NonNullable<Provenance["runtimeForced"]>;
export type GitSource = z.infer<typeof gitSource>;

/** What the store has of a version; whatever cannot be read is as if it had not been written. */
export function readProvenance(stored: unknown): Provenance {
  const parsed = provenance.safeParse(stored);
  return parsed.success ? parsed.data : provenance.parse({});
}
