/**
 * Goal: an app reaches only what it was given, and no app harms another or the node. Method: hostile apps on a real
 * node, once run by root and once by an ordinary user, each trying one thing while a neighbour is visited; and the same
 * apps where less or nothing holds them, since an attack that gets nothing anywhere says nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Arena, type Fight, type Mode, openArena, whatBlocks } from "./arena.ts";
import { ATTACKS, type Attack, expected, settle } from "./attacks.ts";
import { visitDuring } from "./visitor.ts";

/**
 * What a visitor of the neighbour's may wait beyond what it waits when nobody attacks. On a quiet machine the slowest
 * answer comes within 10; a machine that runs other tests besides adds hundreds. Milliseconds.
 */
const p99MoreMs = 1000;

/** Attacks under way at once. Count. */
const fightsMax = 3;

/** For all attacks of one node. Milliseconds. */
const allTimeoutMs = 240_000;

/** What an attack has to get in a mode, and null where it is not tried. */
function wanted(attack: Attack, mode: Mode) {
  if (mode === "bare") return attack.bare ?? null;
  if (mode === "relaxed") return attack.relaxed ?? null;
  return expected(attack, mode === "user");
}

const modes = await Promise.all(
  (["root", "user", "relaxed", "bare"] as const).map(
    async (mode) => [mode, await whatBlocks(mode)] as const,
  ),
);

describe.each(modes)("%s", (mode, blocked) => {
  const attacks = ATTACKS.filter((attack) => wanted(attack, mode) !== null);
  if (blocked !== null) {
    test.skip(`${attacks.length} attacks: ${blocked}`, () => {});
    return;
  }
  const fights = new Map(attacks.map(({ app }) => [app, Promise.withResolvers<Fight>()]));
  let arena: Arena;
  let usualMs = 0;

  beforeAll(async () => {
    arena = await openArena(mode, attacks);
    const [usual] = await visitDuring(arena.node, "neighbour", async () => {});
    usualMs = usual.p99Ms;
    const waiting = [...attacks];
    for (const { promise } of fights.values()) promise.catch(() => {}); // its own test reports it
    for (let worker = 0; worker < fightsMax; worker++) {
      void (async () => {
        for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
          const { resolve, reject } = fights.get(one.app)!;
          await arena.fight(one).then(resolve, reject);
        }
      })();
    }
  }, allTimeoutMs);

  afterAll(async () => {
    if (arena === undefined) return;
    await Promise.allSettled([...fights.values()].map(({ promise }) => promise));
    await arena[Symbol.asyncDispose]();
  }, allTimeoutMs);

  test.each(attacks.map((attack) => [attack.app, attack] as const))(
    "%s gets what it may",
    async (app, attack) => {
      const { report, visit, harm, codes, left } = await fights.get(app)!.promise;

      if (mode === "bare" || mode === "relaxed") {
        expect(report).toMatchObject(wanted(attack, mode)!);
        return;
      }
      const outcome = wanted(attack, mode)!;
      expect(settle(report, outcome)).toEqual(outcome);
      expect(codes).toEqual(expect.arrayContaining([...(attack.codes ?? [])]));
      expect({ harm, left, failures: visit.failures }).toEqual({
        harm: [],
        left: [],
        failures: [],
      });
      expect(visit.p99Ms).toBeLessThan(usualMs + p99MoreMs);
    },
    allTimeoutMs,
  );
});
