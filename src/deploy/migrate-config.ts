/** `migrate` of a config file: what brings the database of a branch up to date at a deploy, and what it may take. */
import { z } from "zod";
import { MIGRATE_NUMBERS, number } from "./config-numbers.ts";
import { migrateFilesMax, sourcePathBytesMax } from "./limits.ts";

/** With every default filled in. */
export interface MigrateConfig {
  way: "sql" | "module" | "command";
  /** Folder or module relative to the app's folder, or shell command. */
  source: string;
  /** What the module or command needs beside itself; null: it is found out. */
  files: string[] | null;
  timeoutMs: number;
  lockMs: number;
  trial: boolean;
}

const path = z
  .string()
  .min(1)
  .max(sourcePathBytesMax)
  .refine(isInside, "must be a path inside the project, such as migrations");

const given = z
  .strictObject({
    folder: path.optional(),
    module: path.refine(isModule, "must be a module, such as src/migrate.ts").optional(),
    command: z.string().min(1).max(sourcePathBytesMax).optional(),
    files: z.array(path).max(migrateFilesMax).nullable().default(null),
    timeoutMs: number(MIGRATE_NUMBERS.timeoutMs).default(MIGRATE_NUMBERS.timeoutMs.default),
    lockMs: number(MIGRATE_NUMBERS.lockMs).default(MIGRATE_NUMBERS.lockMs.default),
    trial: z.boolean().default(true),
  })
  .refine(
    ({ folder, module, command }) =>
      [folder, module, command].filter((one) => one !== undefined).length === 1,
    "must have one of folder, module and command",
  )
  .refine(
    ({ folder, files }) => folder === undefined || files === null,
    "must not have files beside a folder, which is all that is needed",
  )
  .transform(({ folder, module, command, ...rest }): MigrateConfig => {
    if (folder !== undefined) return { way: "sql", source: trimmed(folder), ...rest };
    if (module !== undefined) return { way: "module", source: trimmed(module), ...rest };
    return { way: "command", source: command ?? "", ...rest };
  });

/** A text is what it looks like: a module by its ending, a folder when it is one word, else a command. */
export const migrateSchema = z.preprocess((written) => {
  if (written === undefined || written === false) return null;
  if (typeof written !== "string") return written;
  if (/\s/.test(written.trim())) return { command: written };
  return isModule(written) ? { module: written } : { folder: written };
}, given.nullable());

/** Keys below `migrate`. */
export const MIGRATE_KEYS = {
  folder: null,
  module: null,
  command: null,
  files: null,
  timeoutMs: MIGRATE_NUMBERS.timeoutMs,
  lockMs: MIGRATE_NUMBERS.lockMs,
  trial: null,
} as const;

function isModule(text: string): boolean {
  return /\.[cm]?[jt]s$/.test(text);
}

function isInside(text: string): boolean {
  return !text.startsWith("/") && !/[\\\0]/.test(text) && !text.split("/").includes("..");
}

/** `./migrations/` is `migrations`. */
function trimmed(text: string): string {
  return text
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}
