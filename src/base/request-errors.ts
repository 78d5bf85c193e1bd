/** Errors that a request can meet: in front of an app, and because of one. */
import type { ErrorRow } from "./error-row.ts";

export const requestErrors = {
  HOST_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (host: string) => `Cannot route the request: no app answers to host "${host}"`,
    remedy: "Check the address, or run `levain apps` for the URLs that exist",
  },
  BRANCH_NOT_LIVE: {
    owner: "user",
    status: 404,
    message: (app: string, branch: string) =>
      `Cannot route the request: branch "${branch}" of app "${app}" has no live version`,
    remedy: (app: string, branch: string) =>
      `Deploy to it with \`levain deploy --branch ${branch}\`, or take one of \`levain versions ${app}\` live with \`levain promote\``,
  },
  VERSION_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (app: string, version: string) => `Cannot find version "${version}" of app "${app}"`,
    remedy: (app: string) => `Run \`levain versions ${app}\` for the versions that exist`,
  },
  REQUEST_MALFORMED: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot read the request: ${what}`,
    remedy:
      "Look at what is sent (`curl -v` shows it) and correct the named part; RFC 9112 has the rules",
  },
  REQUEST_TARGET_TOO_LONG: {
    owner: "user",
    status: 414,
    message: (bytesMax: number) =>
      `Cannot read the request: its target is longer than ${bytesMax} bytes`,
    remedy: "Send the data in the body of a POST request, not in the query",
  },
  REQUEST_HEAD_TOO_LARGE: {
    owner: "user",
    status: 431,
    message: (bytesMax: number, linesMax: number) =>
      `Cannot read the request: its head has more than ${bytesMax} bytes or ${linesMax} headers`,
    remedy: "Send fewer or smaller headers; clearing cookies often helps",
  },
  REQUEST_BODY_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (app: string, bytesMax: number) =>
      `Cannot accept the request: its body is larger than the ${bytesMax} bytes that app "${app}" allows`,
    remedy: "Send less, or raise `limits.bodyBytesMax` in levain.config.ts",
  },
  REQUEST_TIMEOUT: {
    owner: "user",
    status: 408,
    message: (timeoutMs: number) =>
      `Cannot read the request: it did not arrive within ${timeoutMs} ms`,
    remedy: "Send the request without pauses; over a slow connection, send less in one request",
  },
  EXPECTATION_UNKNOWN: {
    owner: "user",
    status: 417,
    message: (expectation: string) =>
      `Cannot meet the expectation "${expectation}": only 100-continue is known`,
    remedy: "Send the request without the Expect header",
  },
  METHOD_NOT_SUPPORTED: {
    owner: "user",
    status: 501,
    message: (method: string) => `Cannot carry out the method ${method}`,
    remedy: "Use another method; CONNECT is for proxies",
  },
  PROTOCOL_VERSION_UNKNOWN: {
    owner: "user",
    status: 505,
    message: (version: string) =>
      `Cannot read the request: protocol version "${version}" is not HTTP/1.0 or HTTP/1.1`,
    remedy: "Use HTTP/1.1",
  },
  REQUEST_REJECTED: {
    owner: "user",
    status: 403,
    message: (why: string) => `Cannot accept the request: ${why}`,
    remedy:
      "Ask whoever runs this server; a hook of theirs has decided so, perhaps with another status",
  },
  HOOK_FAILED: {
    owner: "platform",
    status: 500,
    message: () => "Cannot answer: a request hook of this server failed",
    remedy:
      "Read the node's log or `levain logs`, which have the hook's name and the error; docs/hooks.md",
  },
  APP_RESPONSE_TIMEOUT: {
    owner: "user",
    status: 504,
    message: (app: string, timeoutMs: number) =>
      `Cannot answer: app "${app}" sent no response within ${timeoutMs} ms`,
    remedy: (app: string) =>
      `Look at \`levain logs ${app}\`, make the request faster, or raise \`limits.requestTimeoutMs\` in levain.config.ts`,
  },
  APP_RESPONSE_STALLED: {
    owner: "user",
    status: 504,
    message: (app: string, idleMs: number) =>
      `Cannot go on: the response of app "${app}" was silent for ${idleMs} ms`,
    remedy:
      "Send something within `limits.streamIdleMs`, such as a comment line of server-sent events, or raise it in levain.config.ts",
  },
  APP_RESPONSE_INVALID: {
    owner: "user",
    status: 502,
    message: (app: string, what: string) => `Cannot pass on the response of app "${app}": ${what}`,
    remedy: (app: string) =>
      `Correct the response in the app; \`levain logs ${app}\` has the request`,
  },
  APP_THREW: {
    owner: "user",
    status: 500,
    message: (app: string) => `Cannot answer: app "${app}" failed while handling the request`,
    remedy: (app: string) =>
      `Look at \`levain logs ${app}\` for the error and its stack; EACCES and EPERM are mostly the sandbox, see docs/sandbox.md`,
  },
  APP_EXITED: {
    owner: "user",
    status: 502,
    message: (app: string, how: string) =>
      `Cannot answer: app "${app}" ended (${how}) during the request`,
    remedy: (app: string) => `Look at \`levain logs ${app}\` for the last lines before the end`,
  },
  APP_UNRESPONSIVE: {
    owner: "user",
    status: 502,
    message: (app: string, silentMs: number) =>
      `Cannot answer: app "${app}" was stopped after its event loop had not run for ${silentMs} ms`,
    remedy: (app: string) =>
      `Look for an endless loop or a long synchronous call in the app; \`levain logs ${app}\` has its last lines`,
  },
  OUT_OF_MEMORY: {
    owner: "user",
    status: 502,
    message: (app: string, bytes: number, bytesMax: number) =>
      `Cannot answer: app "${app}" was stopped at ${bytes} bytes of memory; it may have ${bytesMax}`,
    remedy: (app: string) =>
      `Use less memory, or raise \`limits.memoryBytesMax\` in levain.config.ts; the record in \`levain logs ${app}\` has the last samples`,
  },
  PROCESSES_EXCEEDED: {
    owner: "user",
    status: 502,
    message: (app: string, processesMax: number) =>
      `Cannot start another process in app "${app}": it may have ${processesMax} processes and threads`,
    remedy:
      "Start fewer processes and workers, and wait for those that were started; or raise `limits.processesMax` in levain.config.ts",
  },
  DISK_EXCEEDED: {
    owner: "user",
    status: 502,
    message: (app: string, what: string) =>
      `Cannot answer: app "${app}" was stopped with more in its folders than it is allowed (${what})`,
    remedy:
      "Remove temporary files when they are done with, keep what is to stay elsewhere, or raise `limits.diskBytesMax` or `limits.diskFilesMax` in levain.config.ts",
  },
  CPU_STARVED: {
    owner: "user",
    status: 503,
    message: (app: string, cpuCoresMax: number, percent: number) =>
      `Cannot run app "${app}" as much as it wants: ${cpuCoresMax} cores are not enough, it was held back in ${percent} % of the time while requests waited`,
    remedy:
      "Compute less per request, or raise `limits.cpuCoresMax` in levain.config.ts; 0 gives what is free",
  },
  APP_PROTOCOL_BROKEN: {
    owner: "platform",
    status: 502,
    message: (app: string, what: string) =>
      `Cannot go on with app "${app}": its process broke the wire protocol (${what})`,
    remedy: "Deploy again; if the app does not touch inherited file descriptors, report it",
  },
  APP_START_FAILED: {
    owner: "user",
    status: 503,
    message: (app: string, cause: string) => `Cannot start app "${app}": ${cause}`,
    remedy: (app: string) =>
      `Look at \`levain logs ${app}\`; the node tries again by itself, or go back with \`levain rollback ${app}\``,
  },
  APP_BUSY: {
    owner: "user",
    status: 503,
    message: (app: string, running: number) =>
      `Cannot start another request for app "${app}": ${running} are running and its queue is full`,
    remedy:
      "Try again after the time in Retry-After, or raise `limits.concurrencyMax` in levain.config.ts",
  },
  HOLD_TIMEOUT: {
    owner: "user",
    status: 503,
    message: (app: string, holdMs: number) =>
      `Cannot answer: app "${app}" was not ready within ${holdMs} ms`,
    remedy: "Try again after the time in Retry-After; `levain ps` shows what the app is doing",
  },
  INSTANCES_FULL: {
    owner: "platform",
    status: 503,
    message: (app: string, instancesMax: number, holdMs: number) =>
      `Cannot start app "${app}": all ${instancesMax} places of the node are taken, and none became free within ${holdMs} ms`,
    remedy:
      "Try again after the time in Retry-After; raise `instancesMax` of the node, or look in `levain ps` for what is never idle",
  },
  HOST_MEMORY_FULL: {
    owner: "platform",
    status: 503,
    message: (app: string, expectedBytes: number, usedBytes: number, budgetBytes: number) =>
      `Cannot start app "${app}": it is expected to take ${mebibytes(expectedBytes)}, and ${mebibytes(usedBytes)} of the node's ${mebibytes(budgetBytes)} are in use`,
    remedy:
      "Try again after the time in Retry-After; raise `memory` of the node, or look in `levain ps` for what uses most and is never idle",
  },
  HOLD_QUEUE_FULL: {
    owner: "user",
    status: 503,
    message: (app: string, holdsMax: number) =>
      `Cannot hold another request for app "${app}": ${holdsMax} are waiting for it to be ready`,
    remedy: "Try again after the time in Retry-After; `levain ps` shows what the app is doing",
  },
  NODE_DRAINING: {
    owner: "platform",
    status: 503,
    message: () => "Cannot take the request: the node is shutting down",
    remedy: "Try again after the time in Retry-After",
  },
  CONNECTIONS_FULL: {
    owner: "platform",
    status: 503,
    message: (connectionsMax: number) =>
      `Cannot take another connection: ${connectionsMax} are open`,
    remedy: "Try again after the time in Retry-After; `levain status` shows how many are open",
  },
} as const satisfies Record<string, ErrorRow>;

/** `48 MiB`; placeholders of the documentation as they are. */
function mebibytes(bytes: number): string {
  return typeof bytes === "number" ? `${Math.round(bytes / 1024 ** 2)} MiB` : `${bytes}`;
}
