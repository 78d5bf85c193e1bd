/** What a recovery was worth, in words and as a verdict. Pure. */
import type { Recovery } from "./recovery.ts";
import type { QueryOutcome } from "./recovery-client.ts";

/** How long the first query of a connection may take after a pause. Milliseconds. */
export const recoveryMsMax = 1000;

export interface RecoveryVerdict {
  /** Whether the first query of every connection succeeded in time, and the second. */
  isRecovered: boolean;
  /** For a cell of a table. */
  text: string;
  /** The longest that a first query took. Milliseconds; null when one did not succeed. */
  worstMs: number | null;
  /** What failing queries said, each once. */
  errors: string[];
}

/** @param msMax how long a first query may take; larger than `recoveryMsMax` on machines that are busy */
export function judge({ first, second }: Recovery, msMax = recoveryMsMax): RecoveryVerdict {
  if (first === null) {
    return { isRecovered: false, text: "the process ends", worstMs: null, errors: [] };
  }
  const errors = [...new Set([...first, ...(second ?? [])].map(({ error }) => error))];
  const said = errors.filter((error) => error !== null);
  const worst = Math.max(...first.map(({ tookMs }) => tookMs));
  if (!first.every(({ kind }) => kind === "ok")) {
    return {
      isRecovered: false,
      text: `${countText(first)}, ${laterText(second, countText(first))}`,
      worstMs: null,
      errors: said,
    };
  }
  const worksLater = second?.every(({ kind }) => kind === "ok") ?? false;
  const tail = worksLater ? "" : `, ${laterText(second)}`;
  const isInTime = worst <= msMax;
  return {
    isRecovered: isInTime && worksLater,
    text: `${isInTime ? "ok" : "slow"}, ${worst} ms${tail}`,
    worstMs: worst,
    errors: said,
  };
}

/** `9 of 10 fail`, `10 hang`. */
function countText(outcomes: readonly QueryOutcome[]): string {
  const count = (kind: QueryOutcome["kind"]) => outcomes.filter((one) => one.kind === kind).length;
  const bad = [[count("failed"), "fail"] as const, [count("hung"), "hang"] as const].filter(
    ([number]) => number > 0,
  );
  return bad
    .map(([number, verb]) =>
      number === outcomes.length ? `all ${verb}` : `${number} of ${outcomes.length} ${verb}`,
    )
    .join(", ");
}

function laterText(second: Recovery["second"], before = ""): string {
  if (second === null) return "then the process ends";
  if (second.every(({ kind }) => kind === "ok")) return "then fine";
  const text = countText(second);
  return text === before ? "and again" : `then ${text}`;
}
