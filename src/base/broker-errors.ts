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
} as const satisfies Record<string, ErrorRow>;
