/** Goal: what a token can do from one moment to the next. Method: the book on a store in memory, a clock that is set. */
import { expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { StillClock } from "../base/clock-for-tests.ts";
import { PlatformError } from "../base/errors.ts";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { until } from "../base/until-for-tests.ts";
import { tokenLoadRetryMs, tokenUseNoteMs } from "./limits.ts";
import { memoryRemote } from "./remote-for-tests.ts";
import { TokenBook, type TokenBookOptions } from "./token-book.ts";

const away = new PlatformError("STORE_UNAVAILABLE", ["it is away"]);

function setup(overrides: Partial<TokenBookOptions["store"]> = {}) {
  const clock = new StillClock();
  clock.timeMs = 1_000_000;
  const store = { ...memoryRemote(), ...overrides };
  const notes: string[] = [];
  const options = {
    store,
    clock,
    random: randomBytes,
    note: (line: string) => void notes.push(line),
  };
  const book = new TokenBook(options);
  const create = (name = "ci", expiresAtMs: number | null = null) =>
    book.create({ name, role: "deploy", apps: null, expiresAtMs });
  return { book, clock, store, notes, create, [Symbol.asyncDispose]: () => book.close() };
}

test("a token is found by another book on the same store, by nothing but its text", async () => {
  await using first = setup();
  const { text, stored } = await first.create();
  await using second = setup(first.store);

  expect(await second.book.find(text)).toMatchObject({ id: stored.id, name: "ci", role: "deploy" });
  expect(text).toMatch(/^lvn_[0-9a-f]{10}_[\w-]{43}$/);
  expect(JSON.stringify(await first.store.tokens())).not.toContain(text.slice(-43));
});

test("one that expires ends what goes on with it, and is refused from that moment", async () => {
  await using tokens = setup();
  const { text } = await tokens.create("ci", tokens.clock.timeMs + 10);
  const principal = await tokens.book.find(text);
  const ended = principal!.ended()!;

  tokens.clock.timeMs += 10;

  expect(tokens.book.find(text)).rejects.toMatchObject({ code: "ADMIN_TOKEN_EXPIRED" });
  await until(() => ended.aborted);
  expect(ended.reason).toMatchObject({ code: "ADMIN_TOKEN_REVOKED" });
});

test("one that is revoked while the store is away stays refused, and can be revoked again", async () => {
  let isAway = false;
  const memory = memoryRemote();
  await using tokens = setup({
    ...memory,
    async removeToken(id) {
      if (isAway) throw away;
      return memory.removeToken(id);
    },
  });
  const { text, stored } = await tokens.create();
  const ended = (await tokens.book.find(text))!.ended()!;
  isAway = true;

  expect(tokens.book.revoke("ci")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

  expect([await tokens.book.find(text), ended.aborted]).toEqual([null, true]);
  isAway = false;
  expect((await tokens.book.revoke(stored.id)).name).toBe("ci");
  expect(tokens.book.revoke("ci")).rejects.toMatchObject({ code: "TOKEN_UNKNOWN" });
  expect(await tokens.store.tokens()).toEqual([]);
});

test("while the store was never reached, what looks like a token asks it once in a while, however many come", async () => {
  let asked = 0;
  await using tokens = setup({
    async tokens() {
      asked += 1;
      throw away;
    },
  });
  const text = `lvn_${"0".repeat(10)}_${"a".repeat(43)}`;
  const codeOf = (thrown: PlatformError) => thrown.code;

  for (let count = 0; count < 100; count++) {
    expect(await tokens.book.find(text).catch(codeOf)).toBe("STORE_UNAVAILABLE");
    expect(await tokens.book.find(`wrong ${count}`)).toBeNull();
  }
  expect(asked).toBe(1);
  tokens.clock.timeMs += tokenLoadRetryMs;
  await Promise.all(Array.from({ length: 100 }, () => tokens.book.find(text).catch(codeOf)));
  expect(asked).toBe(2);
});

test("its last use is written now and then, not each time", async () => {
  const written: number[] = [];
  const memory = memoryRemote();
  await using tokens = setup({
    ...memory,
    async noteTokensUsed(used) {
      written.push(...used.values());
    },
  });
  const { text } = await tokens.create();
  const firstMs = tokens.clock.timeMs;

  for (let count = 0; count < 1000; count++) await tokens.book.find(text);
  tokens.clock.timeMs += tokenUseNoteMs - 1;
  await tokens.book.find(text);
  await until(() => written.length > 0);
  tokens.clock.timeMs += 1;
  await tokens.book.find(text);
  await tokens.book.close();

  expect(written).toEqual([firstMs, firstMs + tokenUseNoteMs]);
  expect((await tokens.book.list())[0]?.usedAtMs).toBe(firstMs + tokenUseNoteMs);
});

test("whatever happens at once: no token is found after it was revoked, and each is until then", async () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const memory = memoryRemote();
  // The store answers late, in any order, and sometimes not.
  const late = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    for (let turns = random(4); turns > 0; turns--) await new Promise(setImmediate);
    if (random(8) === 0) throw away;
    const result = await work();
    for (let turns = random(4); turns > 0; turns--) await new Promise(setImmediate);
    return result;
  };
  await using tokens = setup({
    ...memory,
    tokens: () => late(() => memory.tokens()),
    createToken: (token) => late(() => memory.createToken(token)),
    removeToken: (id) => late(() => memory.removeToken(id)),
  });
  const live = new Set<string>();
  const revoking = new Map<string, string>();
  const gone: string[] = [];
  let made = 0;

  const act = async () => {
    switch (random(3)) {
      case 0: {
        made += 1;
        const created = await tokens.create(`t${made}`).catch(() => null);
        if (created !== null) {
          live.add(created.text);
          revoking.set(created.text, created.stored.id);
        }
        return;
      }
      case 1: {
        if (live.size === 0) return;
        const text = pick(random, [...live]);
        live.delete(text);
        const signal = (await tokens.book.find(text))?.ended();
        await tokens.book.revoke(revoking.get(text)!).catch(() => {});
        gone.push(text);
        expect(signal?.aborted, `seed ${seed}`).toBe(true);
        return;
      }
      default: {
        if (gone.length > 0)
          expect(await tokens.book.find(pick(random, gone)), `seed ${seed}`).toBeNull();
        if (live.size === 0) return;
        const text = pick(random, [...live]);
        const found = await tokens.book.find(text);
        // Another one may have revoked it meanwhile.
        if (live.has(text)) expect(found, `seed ${seed}`).not.toBeNull();
      }
    }
  };
  // Read once, so that what follows is about tokens and not about the store.
  while ((await tokens.book.list().catch(() => null)) === null)
    tokens.clock.timeMs += tokenLoadRetryMs;
  for (let round = 0; round < 100; round++) {
    await Promise.all(Array.from({ length: 1 + random(8) }, act));
  }

  expect(gone.length, `seed ${seed}`).toBeGreaterThan(10);
});
