/** On the node, over the wire and by what it answers. */
import type { Attack } from "../attacks.ts";

export const wireAttacks: readonly Attack[] = [
  {
    app: "forges-unknown-frame",
    tries: "send an unknown frame",
    by: "wire: checked",
    gets: { it: "502 APP_PROTOCOL_BROKEN" },
  },
  {
    app: "forges-huge-frame",
    tries: "announce a frame of 4 GB",
    by: "wire: checked",
    gets: { it: "502 APP_PROTOCOL_BROKEN" },
  },
  {
    app: "forges-answer",
    tries: "answer another request",
    by: "wire: checked",
    gets: { it: "502 APP_PROTOCOL_BROKEN" },
  },
  {
    app: "forges-pongs",
    tries: "answer pings that were not sent",
    by: "wire: counted",
    gets: { it: "502 APP_PROTOCOL_BROKEN" },
  },
  {
    app: "forges-control-message",
    tries: "send the node a command",
    by: "wire: known messages only",
    gets: { it: "sent, and nothing came of it" },
  },
  {
    app: "forges-endless-control",
    tries: "send a message without end",
    by: "wire: bounded",
    gets: { it: "502 APP_PROTOCOL_BROKEN" },
  },
  {
    app: "forges-more-than-window",
    tries: "send more than its window",
    by: "wire: bounded",
    gets: { it: "ECONNRESET" },
    codes: ["APP_PROTOCOL_BROKEN"],
  },
  {
    app: "stalls-in-frame",
    tries: "send half a frame",
    by: "deadlines; pings",
    gets: { it: "502 APP_UNRESPONSIVE or 504 APP_RESPONSE_TIMEOUT" },
  },
  {
    app: "sends-descriptors",
    tries: "put descriptors on the wire",
    by: "the kernel drops what the node does not take",
    gets: { it: "sent" },
  },
  {
    app: "splits-status-text",
    tries: "split the answer by `statusText`",
    by: "runner and edge: checked",
    gets: { it: "502 APP_RESPONSE_INVALID" },
  },
  {
    app: "splits-header-value",
    tries: "split it by characters that become CR and LF",
    by: "runner and edge: checked",
    gets: { it: "502 APP_RESPONSE_INVALID" },
  },
  {
    app: "sends-many-headers",
    tries: "send 40,000 headers",
    by: "wire: bounded",
    gets: { it: "502 APP_UNRESPONSIVE or 504 APP_RESPONSE_TIMEOUT" },
  },
  {
    app: "exits-in-answer",
    tries: "end in the middle of an answer",
    by: "edge: closes the connection",
    gets: { it: "ECONNRESET" },
    codes: ["APP_EXITED"],
  },
  {
    app: "answers-without-end",
    tries: "answer without end",
    by: "windows; the client's pace",
    gets: { it: "200 without end" },
  },
  {
    app: "imitates-log",
    tries: "print what looks like the platform's records",
    by: "log: stream of its own, escaped",
    gets: { it: "printed" },
  },
];
