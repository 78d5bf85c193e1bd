/** What went wrong with requests, by kind, in words. Pure. */
import type { PerfRun } from "./report.ts";

/** Kinds that are named; more would not fit a line. Count. */
const namedMax = 3;

/** `27453 × status 503, 3 × timeout`, the most frequent first; empty without errors. */
export function errorsInWords({ total: _, status, ...others }: PerfRun["errors"]): string {
  const statuses = Object.entries(status).map(
    ([code, count]) => [`status ${code}`, count] as const,
  );
  const kinds = [...statuses, ...Object.entries(others)]
    .filter(([, count]) => count > 0)
    .sort(([, left], [, right]) => right - left);
  const named = kinds.slice(0, namedMax).map(([kind, count]) => `${count} × ${kind}`);
  const rest = kinds.slice(namedMax).reduce((sum, [, count]) => sum + count, 0);
  return [...named, ...(rest > 0 ? [`${rest} × other`] : [])].join(", ");
}
