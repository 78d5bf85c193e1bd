/** Errors of commands and of the admin API. */
import type { ErrorRow } from "./error-row.ts";

export const controlErrors = {
  APP_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string) => `Cannot find app "${app}"`,
    remedy: "Run `levain apps` for the apps that exist",
  },
  BRANCH_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, branch: string) => `Cannot find branch "${branch}" of app "${app}"`,
    remedy: "Run `levain apps` for the branches that exist",
  },
  ROLLBACK_NO_TARGET: {
    owner: "user",
    status: 409,
    message: (app: string, branch: string) =>
      `Cannot roll back branch "${branch}" of app "${app}": it had no other version live before`,
    remedy: (app: string) => `Choose one of \`levain versions ${app}\` and name it with \`--to\``,
  },
  STORE_UNAVAILABLE: {
    owner: "platform",
    status: 503,
    message: (what: string) => `Cannot reach the store: ${what}`,
    remedy:
      "Traffic is not affected. Try again in a few seconds; `levain status` shows the state of PostgreSQL",
  },
  STORE_TOO_NEW: {
    owner: "platform",
    status: 500,
    message: (found: number, known: number) =>
      `Cannot use the store: its schema is at migration ${found}, this Levain knows ${known}`,
    remedy: "Run the Levain release that wrote it, or a newer one",
  },
  STORE_MIGRATION_CHANGED: {
    owner: "platform",
    status: 500,
    message: (number: number, name: string) =>
      `Cannot use the store: migration ${number} (${name}) was applied in another form than this Levain has`,
    remedy: "Run the Levain release that wrote it, or restore the store from a backup",
  },
  INPUT_INVALID: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot carry out the command: ${what}`,
    remedy: "Correct the named value; the command with `--help` shows what it takes",
  },
  ENDPOINT_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (method: string, path: string) => `Cannot find admin endpoint ${method} ${path}`,
    remedy: "See docs/admin-api.md for the endpoints",
  },
  ORIGIN_REFUSED: {
    owner: "user",
    status: 403,
    message: (header: string, value: string) =>
      `Cannot answer the admin request: ${header} "${value}" is not this node`,
    remedy: "Use the unix socket, or http://127.0.0.1 with the port that leads to the admin API",
  },
  ADMIN_TOKEN_MISSING: {
    owner: "user",
    status: 401,
    message: () => "Cannot answer the admin request: it carries no token",
    remedy:
      "Send the token that `levain token` prints on the node's machine, in a header: `Authorization: Bearer …`",
  },
  ADMIN_TOKEN_WRONG: {
    owner: "user",
    status: 401,
    message: () => "Cannot answer the admin request: its token is not this node's",
    remedy:
      "It may have been revoked, or be another node's: make one with `levain token create` on the node's machine; LEVAIN_TOKEN and `--token` go before the data directory's own",
  },
  ADMIN_TOKEN_METRICS_ONLY: {
    owner: "user",
    status: 403,
    message: () => "Cannot answer the admin request: its token may only read /metrics",
    remedy: "Take the token that `levain token` prints without `--metrics`",
  },
  ADMIN_TOKEN_LIMITED: {
    owner: "user",
    status: 429,
    message: () => "Cannot answer the admin request: too many came with a wrong token",
    remedy:
      "Find what sends them; a request with the right token is answered all the time (`levain token`)",
  },
  ADMIN_TOKEN_UNREADABLE: {
    owner: "user",
    status: 500,
    message: (path: string, what: string) => `Cannot read the admin token ${path}: ${what}`,
    remedy:
      "Run the command as the node's user, and name its folder with `--data-dir`; `levain up` makes a token where there is none, `levain token --rotate` a new one",
  },
  ADMIN_BODY_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (bytesMax: number) =>
      `Cannot read the admin request: its body is larger than ${bytesMax} bytes`,
    remedy: "Send only the fields that docs/admin-api.md lists",
  },
  CONSENT_MISSING: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot remove "${what}": there is no consent to it by name`,
    remedy: (what: string) => `Add \`--confirm ${what}\`; what is removed cannot be brought back`,
  },
  INTERRUPTED: {
    owner: "user",
    status: 499,
    message: () => "Cannot complete the command: it was interrupted",
    remedy: "Run it again; `levain status` and `levain apps` show how far it came",
  },
} as const satisfies Record<string, ErrorRow>;
