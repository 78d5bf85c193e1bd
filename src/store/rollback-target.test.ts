import { expect, test } from "bun:test";
import { type LiveChange, rollbackTargetOf } from "./rollback-target.ts";

/** `deploy 1, rollback 2` as a history. */
function history(text: string): LiveChange[] {
  return text.split(", ").map((change) => {
    const [reason, version] = change.split(" ");
    return { reason: reason as LiveChange["reason"], version: Number(version) };
  });
}

test.each<[claim: string, text: string, target: number | null]>([
  ["the first version has nothing before it", "deploy 1", null],
  ["a rollback goes to the version before", "deploy 1, deploy 2", 1],
  ["a second rollback goes further back", "deploy 1, deploy 2, deploy 3, rollback 2", 1],
  ["rollbacks end at the first version", "deploy 1, deploy 2, rollback 1", null],
  [
    "a deploy after a rollback goes back to what worked",
    "deploy 1, deploy 2, rollback 1, deploy 3",
    1,
  ],
  [
    "rolling back over several leaves all of them out",
    "deploy 1, deploy 2, deploy 3, rollback 1, deploy 4",
    1,
  ],
  ["a promote counts like a deploy", "deploy 1, promote 5, promote 3", 5],
  ["promoting an old version goes back to the newer one", "deploy 1, deploy 2, promote 1", 2],
  [
    "a rollback goes to the nearest time the version was live",
    "deploy 1, deploy 2, promote 1, deploy 3, rollback 1",
    2,
  ],
  [
    "naming a version that was rolled back from rolls forward",
    "deploy 1, deploy 2, rollback 1, rollback 2",
    1,
  ],
  ["the same version twice is one step", "deploy 1, deploy 2, promote 2", 1],
])("%s", (_, text, target) => {
  expect(rollbackTargetOf(history(text))).toBe(target);
});

test("a branch without history has no target", () => {
  expect(rollbackTargetOf([])).toBeNull();
});

test("rolling back again and again visits each version once and ends", () => {
  const changes = history("deploy 1, deploy 2, deploy 3, deploy 4");
  const visited: number[] = [];

  for (
    let target = rollbackTargetOf(changes);
    target !== null;
    target = rollbackTargetOf(changes)
  ) {
    visited.push(target);
    changes.push({ version: target, reason: "rollback" });
  }

  expect(visited).toEqual([3, 2, 1]);
});
