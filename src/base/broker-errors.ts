/** Errors of the warm-start broker. A waiting runner is never answered one of these: any status but 2xx would end it. */
import type { ErrorRow } from "./error-row.ts";

export const brokerErrors = {
  BROKER_CONFIG_INVALID: {
    owner: "user",
    status: 400,
    message: (problems: string) => `Cannot start the broker: ${problems}`,
    remedy: "Correct what is named; `levain broker --help` lists every setting with its range",
  },
  BROKER_MESSAGE_INVALID: {
    owner: "user",
    status: 400,
    message: (what: string) => `Cannot take the dispatch: ${what}`,
    remedy:
      'Send `{"dequeuedMessage": …}` as the supervisor of Trigger.dev does; anything but a 2xx makes it start a runner itself',
  },
  BROKER_CONTROL_CLOSED: {
    owner: "user",
    status: 403,
    message: () =>
      "Cannot switch the broker: it has one port, which runners reach too, and no dispatch token",
    remedy:
      "Give it a port that only supervisors and you reach (`--dispatch-port`), or a dispatch token",
  },
  BROKER_TOKEN_WRONG: {
    owner: "user",
    status: 401,
    message: (url: string) => `Cannot use the broker at ${url}: it wants its dispatch token`,
    remedy:
      "Set LEVAIN_BROKER_DISPATCH_TOKEN, or --dispatch-token-file, to what the broker was started with",
  },
  BROKER_NOT_ANSWERING: {
    owner: "user",
    status: 502,
    message: (url: string, what: string) => `Cannot ask the broker at ${url}: ${what}`,
    remedy:
      "Start it with `levain broker`, or name it with --url: its dispatch port, when it has one of its own",
  },
  BROKER_MESSAGE_TOO_LARGE: {
    owner: "user",
    status: 413,
    message: (bytesMax: number) =>
      `Cannot take the request: its body is larger than ${bytesMax} bytes`,
    remedy: "Raise `--message-bytes-max`; until then runs of this size start cold",
  },
  BROKER_BUSY: {
    owner: "platform",
    status: 503,
    message: (bytesMax: number) =>
      `Cannot take the dispatch: ${bytesMax} bytes of others are on their way`,
    remedy:
      "Send fewer large dispatches at once, or run more brokers; the run starts cold meanwhile",
  },
  BROKER_DISPATCH_REFUSED: {
    owner: "user",
    status: 401,
    message: () => "Cannot take the request: it does not show the dispatch token",
    remedy:
      "Send the broker's dispatch token in the header `authorization`, behind the word `Bearer`",
  },
  BROKER_DEPLOYMENT_REFUSED: {
    owner: "user",
    status: 401,
    message: () => "Cannot let the runner wait: its deployment token is not valid",
    remedy:
      "Give broker and supervisor the same secret; until then `--token-enforcement log` lets runners in",
  },
  BROKER_ENDPOINT_UNKNOWN: {
    owner: "user",
    status: 404,
    message: (path: string) => `Cannot find ${path} on this port of the broker`,
    remedy:
      "Runners use GET /connect and GET /warm-start; supervisors POST /warm-start, GET /status and GET /metrics, perhaps on the dispatch port",
  },
  BROKER_METHOD_UNKNOWN: {
    owner: "user",
    status: 405,
    message: (method: string, path: string) => `Cannot ${method} ${path}`,
    remedy: "Use the method that the answer's `allow` header names",
  },
} as const satisfies Record<string, ErrorRow>;
