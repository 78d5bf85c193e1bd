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
  DATABASE_DROPPED: {
    owner: "user",
    status: 503,
    message: (app: string, branch: string, why: string) =>
      `Cannot use the database of app "${app}" on ${branch}: it was dropped (${why})`,
    remedy: "Deploy the branch again: that makes it anew",
  },
  DATABASE_TLS_UNUSABLE: {
    owner: "user",
    status: 400,
    message: (path: string, what: string) => `Cannot serve databases over TLS: ${path}: ${what}`,
    remedy:
      "Name the certificate with those between it and the root, and its key, in PEM: `--database-tls-cert`, `--database-tls-key`",
  },
  DATABASE_NOT_SERVED: {
    owner: "user",
    status: 409,
    message: (name: string, port: number) =>
      `Cannot reach database "${name}" from another machine: the node serves databases at 127.0.0.1:${port} only`,
    remedy: (_name: string, port: number) =>
      `Lead a tunnel to its machine (\`ssh -N -L ${port}:127.0.0.1:${port}\` and its name) and say \`--host 127.0.0.1\`; or serve them with TLS (\`levain up --database-host\`, docs/relay.md)`,
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
  DATABASE_UNAVAILABLE: {
    owner: "platform",
    status: 503,
    message: (action: string, what: string) => `Cannot ${action}: ${what}`,
    remedy: "Try again; `levain status` shows whether PostgreSQL answers",
  },
  DATABASE_RIGHTS_MISSING: {
    owner: "platform",
    status: 503,
    message: (what: string) => `Cannot make databases on this server: ${what}`,
    remedy: (what: string) =>
      `Give the user of databaseUrl what it lacks (${what}); docs/databases.md says how`,
  },
  DATABASE_MASK_FAILED: {
    owner: "user",
    status: 422,
    message: (file: string, what: string) => `Cannot mask the copy with ${file}: ${what}`,
    remedy: "Correct the SQL, then deploy again; the copy is gone and nobody has seen it",
  },
  DATABASE_EXTENSION_MISSING: {
    owner: "user",
    status: 422,
    message: (names: string, what: string) => `Cannot create the extension ${names}: ${what}`,
    remedy: "Take it out of `database.extensions`, or use a server that has it; docs/databases.md",
  },
  DATABASES_FULL: {
    owner: "user",
    status: 409,
    message: (whose: string, count: number, databasesMax: number) =>
      `Cannot make another preview database: ${whose} has ${count}, at most ${databasesMax} are allowed`,
    remedy: "Drop one with `levain db drop`, or raise `databases` in the node's configuration",
  },
  DATABASE_PARENT_MISSING: {
    owner: "user",
    status: 422,
    message: (app: string, branch: string, parent: string) =>
      `Cannot copy a database for app "${app}" on ${branch}: its parent ${parent} has none`,
    remedy:
      'Deploy the parent first, name another one with `--from-branch`, or begin with `from: "empty"`',
  },
} as const satisfies Record<string, ErrorRow>;
