/** Asks a broker that runs somewhere how it is, and switches it. */
import { type ErrorBody, messageOf, PlatformError } from "../base/errors.ts";
import type { BrokerStatus } from "../broker/status-api.ts";
import { NodeError } from "./admin-client.ts";
import { brokerAnswerTimeoutMs } from "./limits.ts";

export interface BrokerTarget {
  /** Without a slash at its end. */
  url: string;
  /** Shown to it when there is one. */
  dispatchToken: string | null;
}

/** @throws {PlatformError} `BROKER_NOT_ANSWERING`, `BROKER_TOKEN_WRONG` */
export function askBroker(target: BrokerTarget): Promise<BrokerStatus> {
  return send(target, "/status", { method: "GET" });
}

/**
 * @param now whether the runners that wait are sent home, too
 * @throws {PlatformError} `BROKER_NOT_ANSWERING`, `BROKER_TOKEN_WRONG`
 * @throws {NodeError} what the broker has against it
 */
export function switchBroker(
  target: BrokerTarget,
  isOn: boolean,
  now: boolean,
): Promise<BrokerStatus> {
  return send(target, "/control", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ isOn, now }),
  });
}

async function send(
  { url, dispatchToken }: BrokerTarget,
  path: string,
  init: BunFetchRequestInit,
): Promise<BrokerStatus> {
  const headers = new Headers(init.headers);
  if (dispatchToken !== null) headers.set("authorization", `Bearer ${dispatchToken}`);
  const signal = AbortSignal.timeout(brokerAnswerTimeoutMs);
  let response: Response;
  let body: unknown;
  try {
    // A proxy of the shell is for other machines than those beside this one, and would see the token.
    response = await fetch(url + path, { ...init, headers, signal, redirect: "manual", proxy: "" });
    body = await response.json().catch(() => null);
  } catch (error) {
    const what = signal.aborted
      ? `no answer within ${brokerAnswerTimeoutMs} ms`
      : "it cannot be reached";
    throw new PlatformError("BROKER_NOT_ANSWERING", [url, what], { cause: messageOf(error) });
  }
  if (response.ok && isStatus(body)) return body;
  if (response.status === 401) throw new PlatformError("BROKER_TOKEN_WRONG", [url]);
  const { error } = (body ?? {}) as { error?: ErrorBody };
  if (error?.code !== undefined) throw new NodeError(error);
  throw new PlatformError("BROKER_NOT_ANSWERING", [
    url,
    `it answered ${response.status} to ${path}, as no broker does on the port of its supervisors`,
  ]);
}

function isStatus(body: unknown): body is BrokerStatus {
  return typeof body === "object" && body !== null && "dispatches" in body && "waiters" in body;
}
