/** Errors of migrations: what brings a branch's database up to date before a version takes traffic. */
import type { ErrorRow } from "./error-row.ts";

export const migrationErrors = {
  MIGRATION_INVALID: {
    owner: "user",
    status: 422,
    message: (file: string, what: string) => `Cannot run migration ${file}: ${what}`,
    remedy: "Correct the file and deploy again; nothing of it was run",
  },
  MIGRATION_CHANGED: {
    owner: "user",
    status: 409,
    message: (file: string, branch: string) =>
      `Cannot migrate the database of branch "${branch}": ${file} was changed after it was applied there`,
    remedy:
      "Put the file back as it was and write a new one for the change; `levain db migrations` lists what is applied",
  },
  MIGRATION_FAILED: {
    owner: "user",
    status: 422,
    message: (what: string, where: string, why: string) =>
      `Cannot migrate ${where}: ${what} failed: ${why}`,
    remedy:
      "Correct the migration and deploy again; the version that was live is live still, and the evidence says what the database has",
  },
  MIGRATION_LOCK_EXCEEDED: {
    owner: "user",
    status: 422,
    message: (what: string, where: string, lock: string, ms: number, lockMs: number) =>
      `Cannot migrate ${where}: ${what} ${lock} for ${ms} ms, at most ${lockMs} ms are allowed`,
    remedy:
      "Split the migration, build indexes with CREATE INDEX CONCURRENTLY (`-- levain: no-transaction`), fill columns in parts, or raise `migrate.lockMs`",
  },
  MIGRATION_TIMEOUT: {
    owner: "user",
    status: 422,
    message: (what: string, where: string, timeoutMs: number) =>
      `Cannot migrate ${where}: ${what} took longer than ${timeoutMs} ms`,
    remedy: "Make it shorter, or raise `migrate.timeoutMs` in levain.config.ts",
  },
  MIGRATION_READ_ONLY: {
    owner: "user",
    status: 409,
    message: (branch: string, what: string) =>
      `Cannot migrate the database of branch "${branch}" (${what}): it was made read-only`,
    remedy: "Let it be changed again with `levain db readonly off`, then deploy again",
  },
  MIGRATION_IN_PROGRESS: {
    owner: "user",
    status: 409,
    message: (branch: string) =>
      `Cannot migrate the database of branch "${branch}": another migration of it is running`,
    remedy: "Wait until it has ended, then deploy again",
  },
  MIGRATION_DATABASE_AWAY: {
    owner: "platform",
    status: 503,
    message: (where: string) => `Cannot migrate ${where}: the database does not answer`,
    remedy: "See `levain status` for the state of the database server, then deploy again",
  },
} as const satisfies Record<string, ErrorRow>;
