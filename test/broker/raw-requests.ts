/** Requests of runners and supervisors as bytes, and connections to send them over. */
import { RawConnection } from "../http/raw-client.ts";
import { messageOf } from "./message.ts";

/** Names as Node's fetch sends them. */
export const pollLines: Record<string, string> = {
  host: "broker:8080",
  connection: "keep-alive",
  "x-trigger-workload-controller-id": "controller_1",
  "x-trigger-deployment-id": "deployment_1",
  "x-trigger-deployment-version": "20260101.1",
  "x-trigger-machine-cpu": "0.5",
  "x-trigger-machine-memory": "0.5",
  "x-trigger-worker-instance-name": "machine-1",
  accept: "*/*",
  "user-agent": "node",
};

export function pollHead(changes: Record<string, string> = {}, target = "/warm-start"): string {
  const lines = Object.entries({ ...pollLines, ...changes });
  return `GET ${target} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** A message that fits `pollHead`. */
export function dispatchBody(snapshot = "snapshot_1", outputBytes = 0): string {
  const key = { deployment: "deployment_1", version: "20260101.1", cpu: 0.5, memory: 0.5 };
  return JSON.stringify({ dequeuedMessage: messageOf(key, "run_1", snapshot, outputBytes) });
}

export function dispatchRequest(body = dispatchBody(), lines = ""): string {
  const length = Buffer.byteLength(body);
  return `POST /warm-start HTTP/1.1\r\nhost: broker:8080\r\ncontent-type: application/json\r\n${lines}content-length: ${length}\r\n\r\n${body}`;
}

export function chunkedDispatch(pieces: readonly string[]): string {
  const chunks = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`);
  return `POST /warm-start HTTP/1.1\r\nhost: broker:8080\r\ntransfer-encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`;
}

/** Hang it up. @param methods of the requests that will be sent on it, in order */
export function openRaw(port: number, methods: readonly string[]): Promise<RawConnection> {
  const asked = methods.map((method) => ({ method }));
  return RawConnection.open({ port, host: "broker:8080", deadlineMs: 20_000 }, asked);
}

/** Sends it byte by byte, each in a packet of its own. */
export async function sendSplit(
  connection: RawConnection,
  bytes: string,
  at: number,
): Promise<void> {
  await connection.send(bytes.slice(0, at));
  await new Promise((resolve) => setTimeout(resolve, 1));
  await connection.send(bytes.slice(at));
}
