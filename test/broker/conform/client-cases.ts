/**
 * What the published client makes of answers, most of which our broker never gives: why it does not. Each row is one
 * script of a server, and how a runner comes out of it.
 */
import type { Client } from "./clients.ts";
import { createMessage } from "./messages.ts";
import type { SessionEnd } from "./runners.ts";
import { answerOf, type Script } from "./scripted-server.ts";

export interface ClientCase {
  claim: string;
  script: Script;
  /** A poll without `/connect` before it. */
  skipsConnect: boolean;
  /** How the runner ends, and how many requests it has sent by then. */
  end(client: Client): Partial<SessionEnd> & { requests: number };
  /** Its requests, with the connections that they came on. */
  requests?(client: Client): string[];
}

const { text: message } = createMessage({ deployment: "deployment_1" });
const messageAnswer = answerOf(200, message);
const done = { how: "done", exitCode: 0 } as const;
const isBun = ({ runtime }: Client) => runtime.name.startsWith("Bun");

const onConnect = (
  claim: string,
  script: Script,
  end: Partial<SessionEnd> & { requests: number },
): ClientCase => ({ claim, script, skipsConnect: false, end: () => end });

const notConnected = { how: "not connected", exitCode: 0 } as const;

const CONNECT: readonly ClientCase[] = [
  onConnect(
    "503 to /connect is tried three times, then the runner goes home",
    () => answerOf(503),
    {
      ...notConnected,
      requests: 3,
    },
  ),
  onConnect(
    "503 to /connect and then an answer: the runner polls",
    (_, count) => (count === 1 ? answerOf(503) : count === 2 ? answerOf(200, "{}") : messageAnswer),
    { ...done, requests: 3 },
  ),
  ...[
    ["no JSON", answerOf(200, "<html>")],
    ["a text where a number belongs", answerOf(200, '{"connectionTimeoutMs":"1"}')],
    ["204", answerOf(204)],
    ["404", answerOf(404)],
  ].map(([what, answer]) =>
    onConnect(`${what} to /connect sends the runner home at once`, () => answer!, {
      ...notConnected,
      requests: 1,
    }),
  ),
  ...["connectionTimeoutMs", "keepaliveMs"].map((name) =>
    onConnect(
      `a ${name} of 0 from /connect sends the runner home`,
      () => answerOf(200, JSON.stringify({ connectionTimeoutMs: 9, keepaliveMs: 9, [name]: 0 })),
      { how: "switched off", exitCode: 0, requests: 1 },
    ),
  ),
  onConnect(
    "{} from /connect leaves the runner its own time-outs, and unknown keys are passed over",
    (_, count) => (count === 1 ? answerOf(200, '{"later":[1]}') : messageAnswer),
    { ...done, requests: 2 },
  ),
];

const onPoll = (claim: string, script: Script, end: ClientCase["end"]): ClientCase => ({
  claim,
  script,
  skipsConnect: true,
  end,
});

const thenMessage =
  (first: string | null): Script =>
  (_, count) =>
    count === 1 ? first : messageAnswer;

/** Redirects until the `count`th request. */
const redirects =
  (hops: number): Script =>
  (_, count) =>
    count > hops ? messageAnswer : answerOf(307, "", `Location: /warm-start?h=${count}\r\n`);

const POLL: readonly ClientCase[] = [
  ...[401, 408, 410, 429, 499, 503].map((status) =>
    onPoll(
      `${status} to a poll ends the runner with 0, and it does not ask again`,
      () => answerOf(status),
      () => ({
        how: "null",
        exitCode: 0,
        requests: 1,
      }),
    ),
  ),
  ...[
    ["a message with a wrapper", `{"dequeuedMessage":${message}}`],
    ["{}", "{}"],
    ["null", "null"],
    ["a message of version 2", message.replace('"version": "1"', '"version":"2"')],
    ["a message without waitpoints", message.replace('"completedWaitpoints":[],', "")],
  ].map(([what, body]) =>
    onPoll(
      `${what} as the answer to a poll ends the runner with 1`,
      () => answerOf(200, body),
      () => ({
        how: "crashed",
        error: "ZodError",
        exitCode: 1,
        requests: 1,
      }),
    ),
  ),
  onPoll(
    "an empty 200 makes Node ask again and ends Bun with 1",
    thenMessage(answerOf(200)),
    (client) =>
      isBun(client)
        ? { how: "crashed", error: "ZodError", exitCode: 1, requests: 1 }
        : { ...done, requests: 2 },
  ),
  onPoll("204 makes the runner ask again", thenMessage(answerOf(204)), () => ({
    ...done,
    requests: 2,
  })),
  onPoll(
    "201 with a message is as good as 200",
    () => answerOf(201, message),
    () => ({
      ...done,
      requests: 1,
    }),
  ),
  onPoll("a closed connection makes the runner ask again", thenMessage(null), () => ({
    ...done,
    fetches: 2,
    requests: 2,
  })),
  onPoll(
    "20 redirects are followed without another request of the runner's",
    redirects(20),
    () => ({
      ...done,
      fetches: 1,
      requests: 21,
    }),
  ),
  onPoll(
    "a message that is cut off makes the runner ask again",
    (_, count) => (count === 1 ? [messageAnswer.slice(0, -9), null] : messageAnswer),
    () => ({ ...done, requests: 2 }),
  ),
  onPoll(
    "a redirect is followed with all that the first request said, to another origin too",
    (head, count, url) => {
      if (count === 1) {
        return answerOf(
          307,
          "",
          `Location: ${url.replace("127.0.0.1", "localhost")}/warm-start\r\n`,
        );
      }
      const said = [
        "controller-id",
        "deployment-id",
        "deployment-version",
        "cpu",
        "memory",
        "name",
      ];
      return said.every((name) => new RegExp(`^x-trigger-[a-z-]*${name}:`, "im").test(head))
        ? messageAnswer
        : answerOf(500);
    },
    () => ({ ...done, fetches: 1, requests: 2 }),
  ),
  onPoll(
    "interim answers are passed over",
    () => `HTTP/1.1 103 Hints\r\n\r\n${messageAnswer}`,
    () => ({
      ...done,
      requests: 1,
    }),
  ),
  {
    claim: "Bun sends a poll again by itself when a connection that it used before is closed",
    script: (_, count) => (count === 1 ? answerOf(200, "{}") : count === 2 ? null : messageAnswer),
    skipsConnect: false,
    end: (client) => ({ ...done, fetches: isBun(client) ? 2 : 3, requests: 3 }),
  },
];

/**
 * The other connection is that of `/connect`, or a new one when the runner has waited for more than the four seconds that Node
 * keeps it: whoever wants to be told of a claim has to go on listening.
 */
const OFFERS: ClientCase = {
  claim: "an offer is followed on another connection than the poll's in Node, on the same in Bun",
  script: (head, count) =>
    head.includes("/connect")
      ? answerOf(200, "{}")
      : head.includes("lease")
        ? messageAnswer
        : answerOf(307, "", `Location: /warm-start?lease=${count}\r\n`),
  skipsConnect: false,
  end: () => ({ ...done, requests: 3 }),
  requests: (client) =>
    isBun(client)
      ? ["1 /connect", "1 /warm-start", "1 /warm-start?lease=2"]
      : ["1 /connect", "2 /warm-start", "1 /warm-start?lease=2"],
};

export const CLIENT_CASES: readonly ClientCase[] = [...CONNECT, ...POLL, OFFERS];
