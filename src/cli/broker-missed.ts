/** Why no runner was there for a dispatch, as far as a broker's status tells. */
import type { BrokerStatus } from "../broker/status-api.ts";

type Waiters = BrokerStatus["waiters"];
type Key = NonNullable<Waiters["missed"]>;

const PARTS: readonly [keyof Key, string][] = [
  ["deployment", "deployment"],
  ["version", "version"],
  ["cpu", "CPU"],
  ["memory", "GB"],
];

/**
 * Pure. Lines under the count of misses by `no_waiter`: what the last of them wanted, and in what those who wait differ.
 *
 * @returns none when no dispatch missed for that
 */
export function missedLines({ waiters, polls }: Pick<BrokerStatus, "waiters" | "polls">): string[] {
  const { missed, top } = waiters;
  if (missed === null) return [];
  const { deployment, version, cpu, memory } = missed;
  const wanted = `the last was for ${deployment} ${version}, CPU ${cpu}, GB ${memory}`;
  if (polls.total === 0) {
    return [wanted, "no runner has asked yet: does it reach TRIGGER_WARM_START_URL?"];
  }
  const nearest = nearestOf(missed, top);
  if (nearest === null) return [wanted];
  const differing = PARTS.filter(([part]) => nearest[part] !== missed[part]);
  if (differing.length === 0) return [wanted, "a runner that fits waits now"];
  const differences = differing.map(([part, word]) => `${word} ${nearest[part]}`);
  return [wanted, `the nearest runner waits with ${differences.join(", ")}`];
}

/** The deployment counts most: who waits for another one says little. */
function nearestOf(missed: Key, top: Waiters["top"]): Key | null {
  let nearest: Key | null = null;
  let most = 0;
  for (const row of top) {
    let same = 0;
    for (const [part] of PARTS) {
      if (row[part] === missed[part]) same += part === "deployment" ? PARTS.length : 1;
    }
    // More than nothing in common is asked of none: any who waits shows what keys look like here.
    if (nearest !== null && same <= most) continue;
    nearest = row;
    most = same;
  }
  return nearest;
}
