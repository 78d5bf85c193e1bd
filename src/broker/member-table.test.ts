import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { peerFailuresMax, peerGoodChecksMin, peerRefusalsMax, peersMax } from "./limits.ts";
import { MemberTable } from "./member-table.ts";
import { PeerHealth } from "./peer-health.ts";

const urlOf = (index: number) => `http://10.0.0.${index + 1}:8080`;
const urls = (count: number) => Array.from({ length: count }, (_, index) => urlOf(index));
const keys = Array.from({ length: 200 }, (_, index) => `deployment_${index}`);
const answerOf = (index: number, dispatchPort: number | null = null) => ({
  broker: `id-${index}`,
  dispatchPort,
});

/** What broker number `self` knows of `count`, all of which serve. */
function setup(self: number, count: number): MemberTable {
  const table = new MemberTable(`id-${self}`, null);
  table.setMembers(urls(count), () => false);
  for (let index = 0; index < count; index += 1) table.noteCheck(urlOf(index), answerOf(index));
  return table;
}

function check(table: MemberTable, index: number, isGood: boolean, times: number): void {
  for (let count = 0; count < times; count += 1) {
    table.noteCheck(urlOf(index), isGood ? answerOf(index) : "failed");
  }
}

describe("a peer", () => {
  test("is in with its first good check", () => {
    const health = new PeerHealth();

    expect(health.noteCheck("failed")).toBeFalse();
    expect(health.noteCheck("good")).toBeTrue();
    expect(health.isHealthy).toBeTrue();
  });

  const states = (health: PeerHealth, result: "good" | "failed" | "refused", times: number) =>
    Array.from({ length: times }, () => {
      health.noteCheck(result);
      return health.isHealthy;
    });

  test("is out after failures in a row, and in again after more good checks in a row", () => {
    const health = new PeerHealth();
    health.noteCheck("good");

    expect(states(health, "failed", peerFailuresMax).indexOf(false)).toBe(peerFailuresMax - 1);
    expect(states(health, "good", peerGoodChecksMin).indexOf(true)).toBe(peerGoodChecksMin - 1);
  });

  test("is out sooner when nobody listens there, and in again no sooner", () => {
    const health = new PeerHealth();
    health.noteCheck("good");

    expect(states(health, "refused", peerRefusalsMax).indexOf(false)).toBe(peerRefusalsMax - 1);
    expect(peerRefusalsMax).toBeLessThan(peerFailuresMax);
    expect(states(health, "good", peerGoodChecksMin).indexOf(true)).toBe(peerGoodChecksMin - 1);
  });

  test("that refused once and then was late is not out for that", () => {
    const health = new PeerHealth();
    health.noteCheck("good");
    health.noteCheck("refused");
    expect(health.isNearlyGone).toBeTrue();

    health.noteCheck("failed");

    expect(health.isNearlyGone).toBeFalse();
    expect(health.isHealthy).toBeTrue();
  });

  test.each(["failed", "refused"] as const)(
    "that comes and goes with every other check stays what it was: %s",
    (result) => {
      const health = new PeerHealth();
      health.noteCheck("good");

      for (let count = 0; count < 50; count += 1) {
        expect(health.noteCheck(count % 2 === 0 ? "good" : result)).toBeFalse();
        expect(health.isHealthy).toBeTrue();
      }
    },
  );
});

describe("brokers that know the same", () => {
  test("agree on the owner of each key, who alone says that it is itself", () => {
    const tables = [0, 1, 2].map((self) => setup(self, 3));

    for (const key of keys) {
      const owners = tables.map((table, self) => table.ownerOf(key)?.url ?? urlOf(self));
      expect(new Set(owners).size).toBe(1);
      expect(tables.filter((table) => table.ownerOf(key) === null)).toHaveLength(1);
    }
    expect(new Set(tables.map(({ epoch }) => epoch)).size).toBe(1);
  });

  test("send a key's waiters, when its owner ends, to who owns it from then on", () => {
    const tables = [0, 1, 2].map((self) => setup(self, 3));
    const mine = keys.filter((key) => tables[0]!.ownerOf(key) === null);
    const heirs = mine.map((key) => tables[0]!.heirOf(key)!.url);

    for (const table of tables) check(table, 0, false, peerFailuresMax);

    const owners = mine.map((key) => tables[1]!.ownerOf(key)?.url ?? urlOf(1));
    expect(mine.length).toBeGreaterThan(0);
    expect(owners).toEqual(heirs);
  });
});

test("a broker alone owns every key, and nobody is its heir", () => {
  const none = new MemberTable("id-0", null);
  const table = setup(0, 1);

  for (const one of [none, table]) {
    expect(one.isAlone).toBeTrue();
    expect(keys.every((key) => one.ownerOf(key) === null && one.heirOf(key) === null)).toBeTrue();
  }
});

test("until a peer has answered once no key is its own", () => {
  const table = new MemberTable("id-0", null);

  table.setMembers(urls(3), (url) => url === urlOf(0));

  expect(table.isAlone).toBeFalse();
  expect(keys.every((key) => table.ownerOf(key) === null)).toBeTrue();
});

test("a broker that is not among the members owns nothing while one of them serves", () => {
  const table = setup(7, 3);

  expect(table.isFound).toBeFalse();
  expect(keys.every((key) => table.ownerOf(key) !== null)).toBeTrue();
});

test("who answers with this process's id is this broker, under each name that it has", () => {
  const table = setup(0, 3);

  table.noteCheck(urlOf(1), answerOf(0));

  expect(table.facts().map(({ isSelf }) => isSelf)).toEqual([true, true, false]);
});

test("an address of this machine that answers as another broker is not this one", () => {
  const table = new MemberTable("id-0", null);
  table.setMembers(urls(2), () => true);
  expect(table.isAlone).toBeTrue();

  table.noteCheck(urlOf(1), answerOf(1));

  expect(table.facts().map(({ isSelf }) => isSelf)).toEqual([true, false]);
});

test("the name that it was told is its own, whatever answers there", () => {
  const table = new MemberTable("id-0", urlOf(2));
  table.setMembers(urls(3), () => true);
  for (const index of [0, 1, 2]) table.noteCheck(urlOf(index), answerOf(index + 5));

  expect(table.facts().map(({ isSelf }) => isSelf)).toEqual([false, false, true]);
});

test("dispatches go to the port that the peer says, polls to its own address", () => {
  const table = new MemberTable("id-9", null);
  table.setMembers(["http://10.0.0.1:8080", "http://[::1]:8080"], () => false);
  table.noteCheck("http://10.0.0.1:8080", answerOf(0, 9090));
  expect(table.ownerOf("key")).toMatchObject({
    url: "http://10.0.0.1:8080",
    dispatchUrl: "http://10.0.0.1:9090",
  });

  table.noteCheck("http://10.0.0.1:8080", answerOf(0, null));
  table.noteCheck("http://[::1]:8080", answerOf(1, 9091));

  expect(new Set(keys.map((key) => table.ownerOf(key)!.dispatchUrl))).toEqual(
    new Set(["http://10.0.0.1:8080", "http://[::1]:9091"]),
  );
});

test("members are bounded, and the same ones on every broker", () => {
  const many = Array.from({ length: peersMax + 20 }, (_, index) => `http://b-${index}:80`);
  const tables = [many, many.toReversed()].map((list) => {
    const table = new MemberTable("id", null);
    table.setMembers(list, () => false);
    return table.facts().map(({ url }) => url);
  });

  expect(tables[0]).toHaveLength(peersMax);
  expect(tables[0]).toEqual(tables[1]!);
});

/** Goal: whatever brokers believe of each other, keys move only when they must. Method: random checks, joins and leaves. */
test("a change moves the keys of who went and to who came, no others", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const table = setup(0, 6);
  const ownersNow = () => keys.map((key) => table.ownerOf(key)?.url ?? urlOf(0));
  const serving = () =>
    new Set(
      table
        .facts()
        .filter(({ isHealthy }) => isHealthy)
        .map(({ url }) => url),
    );

  let owners = ownersNow();
  let before = serving();
  let changes = 0;
  for (let step = 0; step < 400; step += 1) {
    const epoch = table.epoch;
    if (random(10) === 0) {
      const some = urls(6).filter((url) => url === urlOf(0) || random(4) > 0);
      table.setMembers(some, () => false);
    } else {
      check(table, 1 + random(5), pick(random, [true, false]), 1 + random(4));
    }
    const after = serving();
    const next = ownersNow();
    const message = `step ${step}, LEVAIN_TEST_SEED=${seed}`;
    for (const [index, owner] of next.entries()) {
      const former = owners[index]!;
      if (owner === former) continue;
      expect(!after.has(former) || !before.has(owner), message).toBeTrue();
    }
    const isSame = after.symmetricDifference(before).size === 0;
    expect(table.epoch === epoch, message).toBe(isSame);
    expect(
      next.every((owner) => after.has(owner)),
      message,
    ).toBeTrue();
    if (!isSame) changes += 1;
    owners = next;
    before = after;
  }

  expect(changes).toBeGreaterThan(20);
});
