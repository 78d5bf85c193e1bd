/** Errors about the Bun that an app runs on, and about finding out whether it is fit for that. */
import type { ErrorRow } from "./error-row.ts";

export const runtimeErrors = {
  RUNTIME_INVALID: {
    owner: "user",
    status: 400,
    message: (name: string) =>
      `Cannot tell which runtime "${name}" is: it must be an exact version, such as bun@1.4.5`,
    remedy: "Write bun@ and three numbers; ranges and tags such as latest do not name one version",
  },
  RUNTIME_TOO_OLD: {
    owner: "user",
    status: 400,
    message: (name: string, oldest: string, why: string) =>
      `Cannot run an app on ${name}: the oldest that works is ${oldest} (${why})`,
    remedy: (_name: string, oldest: string) =>
      `Set \`runtime\` to ${oldest} or a later one in levain.config.ts, or leave it out`,
  },
  RUNTIME_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (name: string, what: string) =>
      `Cannot fetch ${name}: the registry has no such version of ${what}`,
    remedy: "`npm view bun versions` lists those that there are",
  },
  RUNTIME_FETCH_FAILED: {
    owner: "platform",
    status: 503,
    message: (name: string, why: string) => `Cannot fetch ${name}: ${why}`,
    remedy:
      "Look at the registry that npm is configured with, and at the free space of the disk, then try again; what was fetched once is used without a registry",
  },
  RUNTIME_BROKEN: {
    owner: "platform",
    status: 502,
    message: (name: string, why: string) => `Cannot use the ${name} that was fetched: ${why}`,
    remedy: "Look at what the registry hands out for it; on another kind of machine it may work",
  },
  RUNTIME_UNQUALIFIED: {
    owner: "user",
    status: 409,
    message: (app: string, to: string, from: string, why: string) =>
      `Cannot change production of "${app}" from ${from} to ${to}: ${why}`,
    remedy: (_app: string, to: string) =>
      `Run \`levain qualify --runtime ${to}\` on the node's machine, or give a reason to do without: \`--force "reason"\``,
  },
  QUALIFY_CASE_UNKNOWN: {
    owner: "user",
    status: 400,
    message: (name: string, known: string) =>
      `Cannot run the case "${name.slice(0, 100)}": there is none of that name; there is ${known}`,
    remedy: "`levain qualify --list` shows all cases and what each of them finds",
  },
  QUALIFY_FAILED: {
    owner: "user",
    status: 422,
    message: (runtimes: string, failures: number) =>
      `Cannot recommend ${runtimes}: ${failures} ${failures === 1 ? "case fails" : "cases fail"}`,
    remedy: "Choose a runtime that passes; docs/qualify.md says what each case means",
  },
} as const satisfies Record<string, ErrorRow>;
