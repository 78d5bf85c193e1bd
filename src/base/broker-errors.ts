/** Errors of the warm-start broker. What a runner is answered is never one of these: any status but 2xx would end it. */
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
} as const satisfies Record<string, ErrorRow>;
