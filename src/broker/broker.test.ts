/** One claim per case; `broker.random.test.ts` has all of them at once. */
import { describe, expect, test } from "bun:test";
import { BrokerForTests, configForTests, FakePoll } from "./broker-for-tests.ts";
import { dueSlotMs, overdueMs } from "./limits.ts";

describe("offer and claim", () => {
  test("true is said after the claim, and the message goes to who claims", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");

    const dispatcher = b.dispatch("s1");

    expect(poll.done).toBe("redirected");
    expect(dispatcher.verdict).toBeNull();
    const claim = b.follow(poll);
    expect(claim.text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
  });

  test("the location carries lease, redirects and time so far", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a", { lease: null, hops: 3, elapsedMs: 1000 });
    b.pass(500);

    b.dispatch("s1");

    const { epoch } = b.broker.facts();
    expect(poll.location).toBe(`/warm-start?lease=${epoch}-1&h=4&e=1500`);
  });

  test("without a waiter of the key the answer is false at once", () => {
    const b = new BrokerForTests();
    b.poll("a", undefined, { key: "other" });

    expect(b.dispatch("s1").verdict).toBe(false);
    expect(b.records).toMatchObject([{ snapshot: "s1", reason: "no_waiter", offers: 0 }]);
  });

  test("the latest poll is offered the message", () => {
    const b = new BrokerForTests();
    const [first, second] = [b.poll("a"), b.poll("b")];

    b.dispatch("s1");

    expect([first.done, second.done]).toEqual([null, "redirected"]);
  });

  test("an offer that lapses goes on to the next waiter, and its late claim is parked as the last choice", () => {
    const b = new BrokerForTests();
    const alive = b.poll("alive");
    const frozen = b.poll("frozen");
    const dispatcher = b.dispatch("s1");
    b.pass(250);

    expect(alive.done).toBe("redirected");
    expect(b.follow(alive).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);

    const thawed = b.follow(frozen);
    const fresh = b.poll("alive", undefined, { sameSocket: true });
    expect(thawed.done).toBeNull();
    b.poll("other");
    b.dispatch("s2");
    b.dispatch("s3");
    expect(fresh.done).toBe("redirected");
    expect(thawed.done).toBeNull();
    b.dispatch("s4");
    expect(thawed.done).toBe("redirected");
  });

  test("a claim that comes after its client's own time-out is kept, but offered nothing", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 30_000 });
    const frozen = b.poll("frozen");
    b.dispatch("s1");
    b.pass(30_000);

    // As Bun does: the thread that follows redirects does not know that the client has given up.
    const thawed = b.follow(frozen);
    const unread = b.dispatch("s2");
    const again = b.poll("frozen");
    b.dispatch("s3");

    expect(thawed.done).toBeNull();
    expect(unread.verdict).toBe(false);
    expect(again.done).toBe("redirected");
  });

  test("a claim that lay unread until its client gave up is answered with nothing: a frozen broker", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 30_000 });
    const poll = b.poll("a");
    const dispatcher = b.dispatch("s1");
    b.clock.timeMs += 29_901;

    const claim = b.follow(poll);

    expect(claim.done).toBeNull();
    expect(dispatcher.verdict).toBe(false);
  });

  test("a claim that lay unread for less than that gets the message", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 30_000 });
    const poll = b.poll("a");
    const dispatcher = b.dispatch("s1");
    b.clock.timeMs += 29_000;

    expect(b.follow(poll).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
  });
});

describe("one snapshot", () => {
  test("is offered once however often it is dispatched, and all get one verdict", () => {
    const b = new BrokerForTests();
    const [first, second] = [b.poll("a"), b.poll("b")];
    const dispatchers = [b.dispatch("s1"), b.dispatch("s1")];
    expect(first.done).toBeNull();

    b.follow(second);
    const later = b.dispatch("s1");

    expect([...dispatchers, later].map(({ verdict }) => verdict)).toEqual([true, true, true]);
    expect(first.done).toBeNull();
    expect(b.records.map(({ isRepeated }) => isRepeated)).toEqual([false, true, true]);
    expect(b.records.map(({ reason }) => reason)).toEqual([null, null, null]);
  });

  test("that was answered false stays that, though a runner has come", () => {
    const b = new BrokerForTests();
    b.dispatch("s1");
    const poll = b.poll("a");

    expect(b.dispatch("s1").verdict).toBe(false);
    expect(poll.done).toBeNull();
    expect(b.records.map(({ isRepeated, reason }) => [isRepeated, reason])).toEqual([
      [false, "no_waiter"],
      [true, "no_waiter"],
    ]);
  });

  test("is forgotten after a time, and beyond a number", () => {
    const b = new BrokerForTests({ verdictTtlMs: 1000, verdictsMax: 100 });
    for (let number = 0; number < 175; number++) b.dispatch(`s${number}`);
    const offered = (snapshot: string) => b.offer("a", snapshot).done === "redirected";
    expect(b.broker.facts().verdicts).toBeWithin(50, 101);
    expect(offered("s174")).toBeFalse();
    expect(offered("s0")).toBeTrue();

    b.pass(1000);

    expect(offered("s174")).toBeTrue();
    b.pass(2000);
    expect(b.broker.facts().verdicts).toBe(0);
  });

  test("whose dispatcher has gone is taken back: a claim finds nothing, a new dispatch begins anew", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");
    b.leave(b.dispatch("s1"));

    const claim = b.follow(poll);
    expect(claim.done).toBeNull();
    const again = b.dispatch("s1");

    expect(b.follow(claim).text).toBe("s1");
    expect(again.verdict).toBe(true);
  });

  test("goes on for those who still ask when the first has gone", () => {
    const b = new BrokerForTests();
    const poll = b.poll("a");
    const [first, second] = [b.dispatch("s1"), b.dispatch("s1")];
    b.leave(first);
    b.leave(first);

    expect(b.follow(poll).text).toBe("s1");
    expect(second.verdict).toBe(true);
  });
});

describe("what is not answered by a claim", () => {
  test("lapses over so many offers, then the answer is false", () => {
    const b = new BrokerForTests({ offersMax: 2, dispatchTimeoutMs: 10_000 });
    const polls = [b.poll("a"), b.poll("b"), b.poll("c")];

    const dispatcher = b.dispatch("s1");
    b.pass(600);

    expect(dispatcher.verdict).toBe(false);
    expect(polls.map(({ done }) => done)).toEqual([null, "redirected", "redirected"]);
    expect(b.records).toMatchObject([{ reason: "unclaimed", offers: 2, lapses: 2 }]);
  });

  test("is false within the time for one dispatch, whatever the offers", () => {
    const b = new BrokerForTests({ offersMax: 20, dispatchTimeoutMs: 1000 });
    for (let number = 0; number < 20; number++) b.poll(`r${number}`);

    const dispatcher = b.dispatch("s1");
    b.pass(1000);

    expect(dispatcher.verdict).toBe(false);
    expect(b.records).toMatchObject([{ offers: 4 }]);
  });

  test("goes on at once when the connection of an offer breaks", () => {
    const b = new BrokerForTests();
    const other = b.poll("b");
    const poll = b.poll("a");
    b.dispatch("s1");

    b.broker.lost(poll.poll, poll);

    expect(b.follow(other).text).toBe("s1");
  });

  test("goes to the next waiter, before true is said, when the connection breaks in the delivery", () => {
    const b = new BrokerForTests();
    const other = b.poll("b");
    const poll = b.poll("a");
    const dispatcher = b.dispatch("s1");
    const claim = new FakePoll(poll.poll);
    claim.meanwhile = () => b.broker.lost(poll.poll, claim);

    b.send(claim, poll.path);
    expect(dispatcher.verdict).toBeNull();

    expect(b.follow(other).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
  });

  test("is not given to a claim of another key or runner", () => {
    const b = new BrokerForTests();
    const { path } = b.offer("a", "s1");

    expect(b.poll("b", path).done).toBeNull();
    expect(b.poll("a", path, { key: "other" }).done).toBeNull();
    expect(b.poll("a", path).text).toBe("s1");
  });
});

describe("a lost message", () => {
  test("goes to another waiter when there is one, else to the very runner", () => {
    const b = new BrokerForTests();
    b.follow(b.offer("a", "s1"));
    const other = b.poll("b");

    expect(b.poll("a").done).toBeNull();
    expect(b.follow(other).text).toBe("s1");

    const again = b.poll("b");
    expect(again.done).toBeNull();
    expect(b.broker.facts().counters).toMatchObject({ nacks: 2, redeliveries: 1 });
  });

  test("is offered for as long as it is kept, to however many that let it pass", () => {
    const b = new BrokerForTests({ offersMax: 2, retainMs: 10_000 });
    b.follow(b.offer("a", "s1"));
    const frozen = ["b", "c", "d", "e"].map((name) => b.poll(name));

    const again = b.poll("a");
    b.pass(5 * configForTests.claimTimeoutMs + 50);
    expect([...frozen, again].map(({ done }) => done)).toEqual(Array(5).fill("redirected"));
    expect(b.broker.facts()).toMatchObject({ held: 1, counters: { redeliveriesFailed: 0 } });

    expect(b.follow(b.poll("f")).text).toBe("s1");
    expect(b.broker.facts().counters).toMatchObject({ redeliveries: 1, redeliveriesFailed: 0 });
  });

  test("that nobody has claimed is given up when its time is over", () => {
    const b = new BrokerForTests({ offersMax: 2, retainMs: 2000 });
    b.follow(b.offer("a", "s1"));
    b.poll("a");

    b.pass(2000 + configForTests.claimTimeoutMs);

    expect(b.broker.facts()).toMatchObject({
      held: 0,
      pending: 0,
      counters: { redeliveries: 0, redeliveriesFailed: 1 },
    });
  });

  test("is delivered twice more at most", () => {
    const b = new BrokerForTests();
    let poll = b.poll("a");
    b.dispatch("s1");
    for (let number = 0; number < 5 && poll.done === "redirected"; number++) {
      b.follow(poll);
      poll = b.poll("a");
    }

    const { claimed, redeliveries, redeliveriesFailed } = b.broker.facts().counters;
    expect({ claimed, redeliveries, redeliveriesFailed }).toEqual({
      claimed: 1,
      redeliveries: 2,
      redeliveriesFailed: 1,
    });
  });

  test("is delivered again when its claim comes a second time, with other brokers too", () => {
    const b = new BrokerForTests({ peers: ["http://a", "http://b"] });
    const poll = b.poll("a");
    b.dispatch("s1");
    expect(b.follow(poll).text).toBe("s1");

    const again = b.follow(poll);

    expect(b.follow(again).text).toBe("s1");
  });

  test("waits for its runner when the connection breaks after true was said", () => {
    const b = new BrokerForTests();
    const claim = b.follow(b.offer("a", "s1"));
    b.broker.lost(claim.poll, claim);
    expect(b.broker.facts().held).toBe(1);
    b.pass(2000);

    expect(b.follow(b.poll("a")).text).toBe("s1");
  });

  test("is kept for a time and in bounded room", () => {
    const b = new BrokerForTests({ retainBytesMax: 10, retainMs: 1000 });
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      const poll = b.poll(name);
      b.dispatch(`s-${name}`);
      b.follow(poll);
    }
    expect(b.broker.facts()).toMatchObject({ retained: 3, retainedBytes: 9 });

    b.pass(1000);

    expect(b.broker.facts()).toMatchObject({ retained: 0, retainedBytes: 0 });
    expect(b.poll("f").done).toBeNull();
  });
});

describe("after the start", () => {
  test("a dispatch waits for a runner that comes back", () => {
    const b = new BrokerForTests({ startHoldMs: 1500 });
    const dispatcher = b.dispatch("s1");
    b.pass(1000);

    expect(b.follow(b.poll("a")).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
  });

  test("it waits no longer than until the hold is over", () => {
    const b = new BrokerForTests({ startHoldMs: 1500 });
    const dispatcher = b.dispatch("s1");
    b.pass(1475);
    expect(dispatcher.verdict).toBeNull();

    b.pass(25);

    expect(dispatcher.verdict).toBe(false);
    expect(b.dispatch("s2").verdict).toBe(false);
  });
});

test("a claim of another process's offer is offered nothing: nobody knows for how long its client goes on waiting", () => {
  const b = new BrokerForTests();
  const late = b.poll("a", { lease: "another-1", hops: 1, elapsedMs: 10 });

  const dispatcher = b.dispatch("s1");

  expect([dispatcher.verdict, late.done]).toEqual([false, null]);
  b.pass(overdueMs + dueSlotMs);
  expect(late.done).toBe("closed");
});

describe("a direct answer", () => {
  test("is given to a runner that polled a moment ago, and to nobody else", () => {
    const b = new BrokerForTests({ directWithinMs: 100 });
    const [old, fresh] = [b.poll("old"), b.poll("fresh")];
    expect(b.dispatch("s1").verdict).toBe(true);
    expect(fresh.text).toBe("s1");
    b.pass(100);

    b.dispatch("s2");

    expect(old.done).toBe("redirected");
    expect(b.records).toMatchObject([{ mode: "direct", offers: 0 }]);
  });

  test("is never given to a late claim", () => {
    const b = new BrokerForTests({ directWithinMs: 100 });
    const slow = b.poll("a");
    b.pass(100);
    b.dispatch("s1");
    b.pass(250);
    const late = b.follow(slow);

    b.dispatch("s2");

    expect(late.done).toBe("redirected");
  });
});
