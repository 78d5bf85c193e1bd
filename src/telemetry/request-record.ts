/** What is recorded of an answered request, and the record that is made of it. */

import type { LogRecord } from "./log-record.ts";
import { loggedTarget } from "./logged-target.ts";
import { ABORTED } from "./traffic.ts";

/** Taken within the request's turn: plain values, nothing is put together yet. */
export interface AnsweredRequest {
  app: string;
  version: number;
  /** Id of the instance that had it; null when none did. */
  instance: string | null;
  /** When the answer had ended. Wall-clock milliseconds. */
  endedAtMs: number;
  requestId: string;
  method: string;
  target: string;
  /** 101 to 599, or `ABORTED`. */
  status: number;
  /** From the end of the request's head to the end of the answer, or of the WebSocket. Milliseconds. */
  durationMs: number;
  sentBytes: number;
  receivedBytes: number;
  /** Address of the client, behind proxies that are trusted. */
  client: string;
  /** Code of the platform's own answer, or of a hook's rejection; else null. */
  code: string | null;
  /** Name of the operator's hook that has given the answer; null when none did. */
  hook: string | null;
  /** It woke or started the instance, from what and in which time; null for every other. */
  wake: { from: string | null; ms: number | null } | null;
}

/** Status of a request whose client has left; the number that nginx made common, and no answer has. */
const abortedStatus = 499;

export function requestRecord(request: AnsweredRequest): LogRecord {
  const { app, version, requestId, method, sentBytes, receivedBytes, client, code, hook, wake } =
    request;
  const status = request.status === ABORTED ? abortedStatus : request.status;
  const target = loggedTarget(request.target);
  return {
    time: new Date(request.endedAtMs).toISOString(),
    app,
    version,
    instance: request.instance,
    stream: "platform",
    requestId,
    event: "request",
    message: `${method} ${target} ${status}`,
    fields: {
      method,
      target,
      status,
      durationMs: Math.round(request.durationMs * 100) / 100,
      sentBytes,
      receivedBytes,
      client,
      ...(code === null ? {} : { code }),
      ...(hook === null ? {} : { by: "hook", hook }),
      ...(wake?.from == null ? {} : { wake: wake.from, wakeMs: wake.ms }),
    },
  };
}
