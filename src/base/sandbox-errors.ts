/** Errors of what a version may have of the machine. */
import type { ErrorRow } from "./error-row.ts";

export const sandboxErrors = {
  SANDBOX_UNAVAILABLE: {
    owner: "platform",
    status: 503,
    message: (app: string, problem: string) =>
      `Cannot start app "${app}" in a strict sandbox: ${problem}`,
    remedy:
      'Run the node on a newer kernel (`levain doctor` says what is missing), or deploy with `sandbox: "relaxed"`',
  },
  SANDBOX_TOO_WEAK: {
    owner: "user",
    status: 422,
    message: (app: string, level: string, least: string) =>
      `Cannot start app "${app}" with \`sandbox: "${level}"\`: this node holds every app at least "${least}"`,
    remedy: "Leave `sandbox` out of levain.config.ts, or set the node's `sandboxMin`",
  },
  WRITE_NOT_GRANTED: {
    owner: "user",
    status: 422,
    message: (app: string, path: string) =>
      `Cannot start app "${app}" with the right to write to ${path}: this node gives no app that folder`,
    remedy:
      "Take the folder out of `permissions.write` in levain.config.ts, or name it or one above it in the node's `writeRoots`",
  },
} as const satisfies Record<string, ErrorRow>;
