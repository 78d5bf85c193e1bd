/** A visitor of the neighbour's: asks again and again, gently, and notes how long each answer took. */
import type { TestNode } from "../node-for-tests.ts";

/** Between two requests, so that the visitor is no load itself. Milliseconds. */
const pauseMs = 4;

/** Requests of one look at least; fewer say nothing about the slowest of them. Count. */
const requestsMin = 100;

/** An answer later than this is none. Milliseconds. */
const answerTimeoutMs = 10_000;

export interface Visit {
  requests: number;
  /** What went wrong, each once. Empty when nothing did. */
  failures: string[];
  /** Of a hundred answers the slowest but one. Milliseconds. */
  p99Ms: number;
}

/** Visits the app for as long as `meanwhile` takes, and a little longer. */
export async function visitDuring<T>(
  node: TestNode,
  app: string,
  meanwhile: () => Promise<T>,
): Promise<[Visit, T]> {
  let isOver = false;
  const result = meanwhile().finally(() => {
    isOver = true;
  });
  result.catch(() => {}); // awaited below, when the visit has ended
  const tookMs: number[] = [];
  const failures = new Set<string>();
  while (!isOver || tookMs.length < requestsMin) {
    const sentAtMs = performance.now();
    const failure = await ask(node, app);
    tookMs.push(performance.now() - sentAtMs);
    if (failure !== null) failures.add(failure);
    await Bun.sleep(pauseMs);
  }
  return [
    { requests: tookMs.length, failures: [...failures], p99Ms: percentile(tookMs, 0.99) },
    await result,
  ];
}

/** Null when all is well. */
async function ask(node: TestNode, app: string): Promise<string | null> {
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs);
    const response = await node.fetch(app, "/", { signal });
    if (!response.ok) return `${response.status} ${response.headers.get("levain-error")}`;
    const { isWhole } = (await response.json()) as { isWhole: boolean };
    return isWhole ? null : "its memory or files were changed";
  } catch (error) {
    return String(error);
  }
}

/** The value that `share` of all are not above. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
