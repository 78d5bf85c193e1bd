import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import type { KeptVersion } from "../store/removal.ts";
import { expiredVersions, policyOf } from "./retention-rule.ts";

const nowMs = Date.parse("2026-11-21T08:00:00Z");
const dayMs = 86_400_000;

function version(number: number, fields: Partial<KeptVersion> = {}): KeptVersion {
  return {
    number,
    branch: "main",
    digest: "a".repeat(64),
    bytes: 1,
    createdAtMs: nowMs - (100 - number) * dayMs,
    liveOn: [],
    rollbackOf: [],
    retention: null,
    ...fields,
  };
}

const none = () => false;
const numbers = (versions: readonly KeptVersion[]) => versions.map(({ number }) => number);

test("the newest of each branch stay, whatever other branches do", () => {
  const versions = [
    version(6),
    version(5, { branch: "fix" }),
    version(4),
    version(3),
    version(2, { branch: "fix" }),
    version(1),
  ];

  const expired = expiredVersions(versions, { versionsMax: 2, daysMax: 0 }, nowMs, none);

  expect(numbers(expired)).toEqual([3, 1]);
});

test("an age counts for those that are among the newest, too", () => {
  const versions = [version(99), version(98), version(60), version(10)];

  const expired = expiredVersions(versions, { versionsMax: 10, daysMax: 30 }, nowMs, none);

  expect(numbers(expired)).toEqual([60, 10]);
});

test("what is live, a last known good, what runs and the newest are never removed", () => {
  const versions = [
    version(6),
    version(5),
    version(4),
    version(3, { liveOn: ["old"] }),
    version(2, { rollbackOf: ["main"] }),
    version(1),
  ];
  const policy = { versionsMax: 1, daysMax: 1 };

  expect(numbers(expiredVersions(versions, policy, nowMs, (number) => number === 4))).toEqual([
    5, 1,
  ]);
});

test("what the newest version says goes before the node, key by key", () => {
  const node = { versionsMax: 10, daysMax: 0 };

  expect(policyOf([{ retention: { versionsMax: 3, daysMax: null } }], node)).toEqual({
    versionsMax: 3,
    daysMax: 0,
  });
  expect(policyOf([{ retention: null }, { retention: { versionsMax: 3 } }], node)).toEqual(node);
  expect(policyOf([], node)).toEqual(node);
});

const seed = testSeed();
test(`whatever there is, nothing that is needed goes and the rest is bounded (LEVAIN_TEST_SEED=${seed})`, () => {
  const random = randomOf(seed);
  for (let round = 0; round < 500; round += 1) {
    const versions = Array.from({ length: random(30) }, (_, index) =>
      version(100 - index, {
        branch: `b${random(3)}`,
        liveOn: random(8) === 0 ? ["x"] : [],
        rollbackOf: random(8) === 0 ? ["x"] : [],
      }),
    );
    const policy = { versionsMax: 1 + random(4), daysMax: random(2) * random(40) };
    const running = new Set(versions.flatMap(({ number }) => (random(9) === 0 ? [number] : [])));

    const gone = expiredVersions(versions, policy, nowMs, (number) => running.has(number));

    const isNeeded = (item: KeptVersion) =>
      item.liveOn.length + item.rollbackOf.length > 0 || running.has(item.number);
    expect(gone.some(isNeeded)).toBe(false);
    const rest = versions.filter((item) => !gone.includes(item) && !isNeeded(item));
    // One more at most: the newest of the app.
    expect(rest.length).toBeLessThanOrEqual(policy.versionsMax * 3 + 1);
    expect(expiredVersions(versions, policy, nowMs, (number) => running.has(number))).toEqual(gone);
  }
});
