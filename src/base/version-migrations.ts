/** How a version brings the database of its branch up to date; see `src/migrations/`. Plain JSON, part of a version. */
export const MIGRATION_WAYS = ["sql", "module", "command"] as const;

export interface VersionMigrations {
  way: (typeof MIGRATION_WAYS)[number];
  /** Folder, module or shell command, as it is configured. */
  source: string;
  /** sha256 of the artifact that has what is needed for it, 64 hex digits. SQL files are at its root. */
  kit: string;
  /** Where a module or command is run, relative to the kit; "" for its root. */
  folder: string;
  /** Module to run, relative to the kit; null for SQL files and commands. */
  module: string | null;
  /** sha256 of what decides whether a module or command has anything to do, 64 hex digits. */
  inputs: string;
  /** For all of it together. Milliseconds. */
  timeoutMs: number;
  /** How long a lock that holds up others may be held or waited for. Milliseconds. */
  lockMs: number;
  /** Whether it is run on a copy of the database first. */
  trial: boolean;
}
