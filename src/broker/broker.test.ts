/** One claim per case; `broker.random.test.ts` has all of them at once. */
import { describe, expect, test } from "bun:test";
import { BrokerForTests } from "./broker-for-tests.ts";

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
});
