/** How many may wait and for how long, machines that are cordoned, and the switch. */

import { describe, expect, test } from "bun:test";
import { BrokerForTests, dispatchOf, FakeDispatcher } from "./broker-for-tests.ts";
import { hopsMax, pendingBytesMax, pendingMax } from "./limits.ts";
import type { Message } from "./message.ts";

describe("time", () => {
  test("nothing is offered to a client that is about to give up, and it is not ended", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 10_000 });
    const poll = b.poll("a");
    const elsewhere = b.poll("b", { lease: null, hops: 2, elapsedMs: 5000 }, { key: "other" });
    b.pass(4000);
    expect(b.dispatch("s1", "other").verdict).toBe(false);
    expect(elsewhere.done).toBeNull();
    b.pass(4975);

    expect(b.dispatch("s2").verdict).toBeNull();
    expect(poll.done).toBe("redirected");
  });

  test("a poll whose client should have gone long ago is closed, not answered", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 10_000 });
    const poll = b.poll("a");
    b.pass(14_900);
    expect(poll.done).toBeNull();

    b.pass(2100);

    expect(poll.done).toBe("closed");
    expect(b.broker.facts()).toMatchObject({ parked: 0, keys: 0 });
  });

  test("after a stand of the process no offer lapses before its claim could be read", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");
    b.dispatch("s1");

    b.clock.timeMs += 5000;
    b.broker.tick();

    expect(b.follow(poll).text).toBe("s1");
  });

  test("what is set between a long stand and the next tick is not taken for overdue", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 10_000 });
    b.pass(1000);
    b.clock.timeMs += 60_000;
    const poll = b.poll("a");
    b.pass(2000);

    b.dispatch("s1");

    expect(poll.done).toBe("redirected");
  });

  test("a poll that was redirected too often is closed, so that its client counts anew", () => {
    const b = new BrokerForTests();

    expect(b.poll("a", { lease: null, hops: hopsMax, elapsedMs: 0 }).done).toBe("closed");
    expect(b.poll("a", { lease: null, hops: hopsMax - 1, elapsedMs: 0 }).done).toBeNull();
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300])(
    "a client that says it has waited %p ms does no harm",
    (elapsedMs) => {
      const b = new BrokerForTests();
      b.poll("a", { lease: null, hops: 0, elapsedMs });
      b.pass(60_000);

      expect(b.broker.facts().parked).toBe(0);
    },
  );

  test.each(["-1", "-0", "-1.5", "-x", "-9007199254740993", "", "-"])(
    "a lease that somebody makes up with %p does no harm",
    (end) => {
      const b = new BrokerForTests();
      b.offer("a", "s1");
      const { epoch } = b.broker.facts();
      const forged = b.poll("b", { lease: `${epoch}${end}`, hops: 1, elapsedMs: 0 });
      expect(forged.done).toBeNull();
      b.pass(60_000);

      expect(b.broker.facts().parked).toBe(0);
    },
  );
});

describe("number", () => {
  test("beyond the waiters in total a new one is closed", () => {
    const b = new BrokerForTests({ waitersMax: 2 });
    const polls = [b.poll("a"), b.poll("b"), b.poll("c")];

    expect(polls.map(({ done }) => done)).toEqual([null, null, "closed"]);
  });

  test("beyond the waiters of one key the oldest is dismissed, a doubtful one before it", () => {
    const b = new BrokerForTests({ waitersPerKeyMax: 2 });
    const slow = b.poll("c");
    b.dispatch("s1");
    b.pass(250);
    const [first, second] = [b.poll("a"), b.poll("b")];
    const late = b.follow(slow);
    expect(late.done).toBe("dismissed");
    expect(late.waiter).toBeNull();

    b.poll("d");

    expect([first.done, second.done]).toEqual(["dismissed", null]);
  });

  test("beyond the dispatches without a verdict the next is answered false", () => {
    const b = new BrokerForTests({ waitersMax: pendingMax + 1 });
    for (let number = 0; number <= pendingMax; number++) b.poll(`r${number}`);
    for (let number = 0; number < pendingMax; number++) b.dispatch(`s${number}`);

    expect(b.dispatch("last").verdict).toBe(false);
    expect(b.records).toMatchObject([{ reason: "overloaded" }]);
  });

  test("beyond the bytes of their messages too, but one of any size has room", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");
    for (const name of ["b", "c"]) b.poll(name);
    const large = (snapshot: string, bytes: number): FakeDispatcher => {
      const dispatcher = new FakeDispatcher();
      const message = { byteLength: bytes } as Message;
      b.broker.dispatch({ ...dispatchOf(snapshot), message }, dispatcher);
      return dispatcher;
    };
    expect(large("s1", 2 * pendingBytesMax).verdict).toBeNull();
    expect(large("s2", 1).verdict).toBe(false);
    b.pass(1000);
    expect(b.broker.facts().pendingBytes).toBe(0);

    expect(poll.done).toBe("redirected");
  });

  test("a message without a key is a miss", () => {
    const b = new BrokerForTests();

    expect(b.dispatch("s1", "").verdict).toBe(false);
    expect(b.records).toMatchObject([{ reason: "bad_key" }]);
  });

  test("the keys with most waiters are named, those first", () => {
    const b = new BrokerForTests();
    for (const [key, count] of Object.entries({ one: 1, five: 5, three: 3, two: 2 })) {
      for (let number = 0; number < count; number++) b.poll(`${key}${number}`, undefined, { key });
    }

    expect(b.broker.keysMost(2)).toEqual([
      { key: "five", waiters: 5 },
      { key: "three", waiters: 3 },
    ]);
  });
});

describe("a cordoned machine", () => {
  test("keeps its runners waiting without work, until it is cordoned no more", () => {
    const b = new BrokerForTests();
    const parked = b.poll("a");
    b.cordoned.add("node");
    b.broker.cordonChanged();
    const later = b.poll("b");

    expect(b.dispatch("s1").verdict).toBe(false);
    expect(b.records).toMatchObject([{ reason: "cordoned" }]);
    b.cordoned.clear();
    b.broker.cordonChanged();
    b.dispatch("s2");

    expect([parked.done, later.done].toSorted()).toEqual([null, "redirected"]);
  });

  test("has its runners sent home when that is asked", () => {
    const b = new BrokerForTests({ cordonAction: "dismiss" });
    const parked = b.poll("a");
    const elsewhere = b.poll("b", undefined, { instance: "other" });
    b.cordoned.add("node");
    b.broker.cordonChanged();

    expect(parked.done).toBe("dismissed");
    expect(b.poll("c").done).toBe("dismissed");
    expect(elsewhere.done).toBeNull();
  });

  test("gets nothing though it was offered before: the message goes to the next", () => {
    const b = new BrokerForTests();
    const other = b.poll("b", undefined, { instance: "other" });
    const poll = b.poll("a");
    b.dispatch("s1");
    b.cordoned.add("node");
    b.broker.cordonChanged();

    expect(b.follow(poll).done).toBeNull();
    expect(b.follow(other).text).toBe("s1");
  });
});

describe("the switch", () => {
  test("off tells runners to go home and dispatches false, and lets an open offer end well", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");
    const waiting = b.poll("b", undefined, { key: "other" });
    const dispatcher = b.dispatch("s1");
    b.broker.switch(false, false);

    expect(b.connect()).toEqual({ connectionTimeoutMs: 0, keepaliveMs: 0 });
    expect(b.dispatch("s2", "other").verdict).toBe(false);
    expect(waiting.done).toBeNull();
    expect(b.follow(poll).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
  });

  test("off and now dismisses those who wait and those who come, until it is on", () => {
    const b = new BrokerForTests();
    const waiting = b.poll("a");
    b.broker.switch(false, true);
    expect([waiting.done, b.poll("b").done]).toEqual(["dismissed", "dismissed"]);

    b.broker.switch(true, true);

    expect(b.poll("c").done).toBeNull();
    expect(b.connect()).toEqual({ connectionTimeoutMs: 30_000, keepaliveMs: 300_000 });
  });
});
