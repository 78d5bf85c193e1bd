/**
 * The bytes that runners and supervisors send to a warm-start broker, as Node's fetch writes them: made once per run,
 * since a load generator that builds requests measures itself.
 */

/** The fields of a message that decide who may take it. */
export interface BrokerKey {
  deployment: string;
  version: string;
  machine: (typeof MACHINES)[number];
}

/** Names and sizes of machines as Trigger.dev has them. */
const MACHINES = [
  { name: "small-1x", cpu: 0.5, memory: 0.5 },
  { name: "small-2x", cpu: 1, memory: 1 },
  { name: "medium-1x", cpu: 1, memory: 2 },
  { name: "medium-2x", cpu: 2, memory: 4 },
] as const;

/** Digits of a dispatch's number within its snapshot's name. */
const numberDigits = 10;

/** What Node's fetch adds by itself. */
const fetchLines =
  "accept: */*\r\naccept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n" +
  "accept-encoding: gzip, deflate\r\n";

export function brokerKey(index: number): BrokerKey {
  const machine = MACHINES[index % MACHINES.length]!;
  const deployment = `deployment_bench${String(Math.floor(index / MACHINES.length)).padStart(8, "0")}`;
  return { deployment, version: "20260101.1", machine };
}

/** Nobody waits for it. */
export const missingKey: BrokerKey = { ...brokerKey(0), deployment: "deployment_benchnobody00" };

/** A poll, with what is sent in place of its target when it is redirected. */
export interface PollRequest {
  bytes: Buffer;
  /** The same request for another target of the same host. */
  redirected(target: string): string;
}

export function pollRequest(host: string, key: BrokerKey, controller: string): PollRequest {
  const rest =
    ` HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
    `x-trigger-workload-controller-id: ${controller}\r\n` +
    `x-trigger-deployment-id: ${key.deployment}\r\n` +
    `x-trigger-deployment-version: ${key.version}\r\n` +
    `x-trigger-machine-cpu: ${key.machine.cpu}\r\n` +
    `x-trigger-machine-memory: ${key.machine.memory}\r\n` +
    `x-trigger-worker-instance-name: bench\r\n${fetchLines}\r\n`;
  return {
    bytes: Buffer.from(`GET /warm-start${rest}`, "latin1"),
    redirected: (target) => `GET ${target}${rest}`,
  };
}

/** Dispatches of one key that differ in nothing but their number. */
export class DispatchRequest {
  readonly #bytes: Buffer;
  /** Where the digits of the number stand: in the snapshot's names and the run's. */
  readonly #numbersAt: number[] = [];

  /** @param tag tells the dispatches of this run from those of others */
  constructor(host: string, token: string | null, key: BrokerKey, tag: string, size: number) {
    const digits = "#".repeat(numberDigits);
    const body = JSON.stringify({ dequeuedMessage: message(key, `${tag}_${digits}`, size) });
    const head =
      `POST /warm-start HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
      `content-type: application/json\r\n${fetchLines}` +
      `${token === null ? "" : `authorization: Bearer ${token}\r\n`}` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    this.#bytes = Buffer.from(head + body);
    for (let at = this.#bytes.indexOf(digits); at !== -1; at = this.#bytes.indexOf(digits, at)) {
      this.#numbersAt.push(at);
      at += numberDigits;
    }
  }

  /** The request with this number; good until the next call. */
  numbered(number: number): Buffer {
    const bytes = this.#bytes;
    for (const start of this.#numbersAt) {
      let left = number;
      for (let at = start + numberDigits - 1; at >= start; at -= 1) {
        bytes[at] = 0x30 + (left % 10);
        left = Math.floor(left / 10);
      }
    }
    return bytes;
  }
}

/** The number of the dispatch that a message belongs to; -1 when it is none of this run's. */
export function numberIn(bytes: Buffer, tag: string): number {
  const found = bytes.indexOf(`snapshot_${tag}_`, 0, "latin1");
  const start = found + `snapshot_${tag}_`.length;
  if (found === -1 || start + numberDigits > bytes.length) return -1;
  let number = 0;
  for (let at = start; at < start + numberDigits; at += 1) number = number * 10 + bytes[at]! - 0x30;
  return number;
}

/** A message as a supervisor sends it, all fields of the current client in it; padded by the output of a waitpoint. */
export function message(key: BrokerKey, id: string, size: number): object {
  const atIso = "2026-01-01T00:00:00.000Z";
  const waitpoint = {
    id: "bench",
    friendlyId: "waitpoint_bench",
    type: "MANUAL",
    completedAt: atIso,
    outputType: "application/json",
    outputIsError: false,
  };
  const filled = (output: string) => ({
    version: "1",
    snapshot: {
      id: `id_${id}`,
      friendlyId: `snapshot_${id}`,
      executionStatus: "PENDING_EXECUTING",
      description: "Run was dequeued for execution",
      createdAt: atIso,
    },
    dequeuedAt: atIso,
    workerQueueLength: 0,
    image: `registry.example/project:${key.version}`,
    completedWaitpoints: output === "" ? [] : [{ ...waitpoint, output }],
    backgroundWorker: { id: "bench", friendlyId: "worker_bench", version: key.version },
    deployment: { id: "bench", friendlyId: key.deployment, imagePlatform: "linux/amd64" },
    run: {
      id: `bench_${id}`,
      friendlyId: `run_${id}`,
      isTest: false,
      isReplay: false,
      machine: { ...key.machine, centsPerMs: 0.0000169 },
      attemptNumber: 1,
      masterQueue: "main",
      traceContext: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    },
    environment: { id: "bench", type: "PRODUCTION" },
    organization: { id: "bench" },
    project: { id: "bench" },
    placementTags: [],
  });
  const missing = size - JSON.stringify(filled("x")).length + 1;
  return filled(missing > 0 ? "x".repeat(missing) : "");
}
