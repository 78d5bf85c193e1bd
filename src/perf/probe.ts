/** One request before the load: does the app do what it should? It also starts the app. */
import { messageOf, PlatformError } from "../base/errors.ts";
import { probeBodyBytesMax } from "./limits.ts";
import type { ProbeAnswer, ScenarioRequest } from "./scenarios.ts";

/** Where requests go. */
export interface Address {
  hostname: string;
  port: number;
  /** Host line for an app. */
  hostOf(app: string): string;
  /** Target that replaces a scenario's own, or null. */
  target: string | null;
}

/** @throws {PlatformError} `PERF_PROBE_FAILED` when there is no answer within `timeoutMs` */
export async function probe(
  scenario: string,
  request: ScenarioRequest,
  address: Address,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const { hostname, port, hostOf, target } = address;
  const headers = new Headers({ host: hostOf(request.app) });
  for (const line of request.headerLines ?? []) {
    const colon = line.indexOf(":");
    headers.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const url = `http://${hostname}:${port}${target ?? request.target}`;
  try {
    const response = await fetch(url, {
      method: request.method,
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      ...(request.body === undefined ? {} : { body: request.body as Uint8Array<ArrayBuffer> }),
    });
    const body = await readBody(response);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    const why = `gave no answer (${messageOf(error)})`;
    throw new PlatformError("PERF_PROBE_FAILED", [scenario, why]);
  }
}

/** A running app may answer without an end. */
async function readBody(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of (response.body as ReadableStream<Uint8Array> | null) ?? []) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > probeBodyBytesMax) break;
  }
  return Buffer.concat(pieces);
}
