/** What results come to: a verdict for each runtime, and what differs between them. Pure. */
import type { CaseResult, ComparedCase, RuntimeVerdict } from "./report.ts";

/** @param expected names of all required cases that there are; `isQuick` runs count for none of them */
export function verdictOf(
  runtime: Pick<RuntimeVerdict, "runtime" | "revision" | "sha256">,
  cases: CaseResult[],
  { expected, isQuick }: { expected: readonly string[]; isQuick: boolean },
): RuntimeVerdict {
  const { runtime: name, revision, sha256 } = runtime;
  // One that was skipped has found out nothing.
  const ran = new Set(cases.filter(({ status }) => status !== "skip").map((one) => one.name));
  const required = cases.filter(({ isRequired }) => isRequired);
  return {
    runtime: name,
    revision,
    sha256,
    // Nothing but skipped cases shows nothing.
    isPassed:
      required.some(({ status }) => status === "pass") &&
      required.every(({ status }) => status !== "fail"),
    isComplete: !isQuick && expected.every((one) => ran.has(one)),
    cases,
  };
}

/** Each case on every runtime; what is better and worse than on the first. */
export function compareVerdicts(verdicts: readonly RuntimeVerdict[]): ComparedCase[] {
  const names = [...new Set(verdicts.flatMap(({ cases }) => cases.map(({ name }) => name)))];
  return names.map((name) => {
    const statuses = verdicts.map(
      ({ cases }) => cases.find((one) => one.name === name)?.status ?? null,
    );
    const [first] = statuses;
    const those = (from: string, to: string) =>
      first === from
        ? verdicts.flatMap(({ runtime }, at) => (statuses[at] === to ? [runtime] : []))
        : [];
    return { name, statuses, better: those("fail", "pass"), worse: those("pass", "fail") };
  });
}
