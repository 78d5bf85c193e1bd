/** Errors of branch databases and the relay in front of them. No message has a value of a row or a password in it. */
import type { ErrorRow } from "./error-row.ts";

export const databaseErrors = {
  DATABASE_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (name: string) => `Cannot find the database ${name}`,
    remedy:
      "`levain db list` shows those there are; `database: true` in levain.config.ts and a deploy make one",
  },
  DATABASE_BUSY: {
    owner: "user",
    status: 409,
    message: (name: string, what: string) => `Cannot be alone with database "${name}": ${what}`,
    remedy: "Let it end, or end it, then try again; `levain db stats` shows what is open",
  },
  DATABASE_MASK_UNREADABLE: {
    owner: "user",
    status: 400,
    message: (file: string, what: string) => `Cannot read the mask ${file}: ${what}`,
    remedy: "Correct `database.mask` in levain.config.ts, or put the file there",
  },
} as const satisfies Record<string, ErrorRow>;
