/** Messages as a supervisor dispatches them, as text, since it is their bytes that count. */

export interface MessageOptions {
  deployment: string;
  version?: string;
  /** As it stands in the JSON: `1.0` is another text than `1`. */
  cpu?: string;
  memory?: string;
  /** More fields of the message, as JSON: `"a":1,"b":2`. */
  more?: string;
  /** Elements of `completedWaitpoints`, as JSON. */
  waitpoints?: string;
}

export interface Message {
  run: string;
  snapshot: string;
  /** What a runner must get, byte for byte. */
  text: string;
  /** What is dispatched. */
  body: string;
}

let made = 0;

/** A new one with each call: no two share a snapshot. */
export function createMessage(options: MessageOptions): Message {
  made += 1;
  const run = `run_${made}`;
  const snapshot = `snapshot_${made}`;
  const { deployment, version = "20260101.1", cpu = "0.5", memory = "0.5" } = options;
  // Spaces, escapes and number forms that no JSON.stringify would write this way.
  const text = `{ "version": "1","snapshot":{"id":"s${made}","friendlyId":"${snapshot}","executionStatus":"PENDING_EXECUTING","description":"caf\\u00e9 \\/ ☕","createdAt":"2026-01-01T00:00:00.000Z"},"dequeuedAt":"2026-01-01T00:00:01.000Z","workerQueueLength":1e1,"image":"registry/app:1","completedWaitpoints":[${options.waitpoints ?? ""}],"backgroundWorker":{"id":"w1","friendlyId":"worker_1","version":"${version}"},"deployment":{"id":"d1","friendlyId":"${deployment}","imagePlatform":"linux/amd64"},"run":{"id":"r${made}","friendlyId":"${run}","isTest":false,"isReplay":false,"machine":{"name":"small-1x","cpu":${cpu},"memory":${memory},"centsPerMs":0.00001},"attemptNumber":1,"masterQueue":"main","traceContext":{"traceparent":"00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"}},"environment":{"id":"e1","type":"PRODUCTION"},"organization":{"id":"o1"},"project":{"id":"p1"}${options.more === undefined ? "" : `,${options.more}`} }`;
  return { run, snapshot, text, body: bodyOf(text) };
}

export function bodyOf(text: string): string {
  return `{"dequeuedMessage":${text}}`;
}
