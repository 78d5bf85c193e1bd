/** Goal: a broker that ends, or loses keys to others, ends no runner, and does not send them all at once. */
import { describe, expect, test } from "bun:test";
import { BrokerForTests } from "./broker-for-tests.ts";
import type { Placement } from "./departures.ts";
import { relocateMs } from "./limits.ts";

/** Another broker, and which keys are its own. */
function placement(): Placement & { theirs: Set<string> } {
  const theirs = new Set<string>();
  return {
    theirs,
    epoch: "abc",
    ownerOf: (key) => (theirs.has(key) ? "http://other" : null),
    heirOf: () => "http://other",
  };
}

/** Whether a drain is over; settles before the next look. */
async function isDrained(broker: BrokerForTests): Promise<boolean> {
  let isOver = false;
  void broker.broker.drain().then(() => {
    isOver = true;
  });
  await Promise.resolve();
  return isOver;
}

describe("a drain", () => {
  test("of a broker with nobody is over at its next look", async () => {
    const broker = new BrokerForTests({ drainMs: 5000 });
    expect(await isDrained(broker)).toBeFalse();

    broker.pass(50);

    expect(await isDrained(broker)).toBeTrue();
  });

  test("spreads its waiters over its time, and is over with the last", async () => {
    const broker = new BrokerForTests({ drainMs: 5000 }, placement());
    const polls = Array.from({ length: 100 }, (_, index) => broker.poll(`controller_${index}`));
    const left = () => polls.filter(({ done }) => done === null).length;
    void broker.broker.drain();

    broker.pass(2500);
    expect(left()).toBeWithin(30, 71);
    expect(await isDrained(broker)).toBeFalse();
    broker.pass(2550);

    expect(left()).toBe(0);
    expect(polls[0]!.location).toStartWith("http://other/warm-start?h=1&e=");
    expect(polls[0]!.location).toEndWith("&m=abc");
    expect(await isDrained(broker)).toBeTrue();
  });

  test("is over when those that are left have gone by themselves", async () => {
    const broker = new BrokerForTests({ drainMs: 5000 });
    const poll = broker.poll("controller_1");
    void broker.broker.drain();
    broker.pass(50);
    expect(await isDrained(broker)).toBeFalse();

    broker.broker.gone(poll.waiter!);
    broker.pass(25);

    expect(await isDrained(broker)).toBeTrue();
  });

  test("answers dispatches false, gives open offers their time, and only then ends waiters", async () => {
    const b = new BrokerForTests({ drainMs: 0 });
    const waiting = b.poll("b");
    const poll = b.poll("a");
    const dispatcher = b.dispatch("s1");

    const drained = b.broker.drain();
    expect(b.dispatch("s2").verdict).toBe(false);
    b.pass(100);
    expect(waiting.done).toBeNull();
    expect(b.follow(poll).text).toBe("s1");
    expect(dispatcher.verdict).toBe(true);
    b.pass(100);

    await drained;
    expect(waiting.done).toBe("closed");
    expect(b.poll("c").done).toBe("closed");
  });

  test("an offer that lapses meanwhile goes to nobody else", () => {
    const b = new BrokerForTests();
    const waiting = b.poll("b");
    b.poll("a");
    const dispatcher = b.dispatch("s1");
    void b.broker.drain();
    b.pass(300);

    expect(dispatcher.verdict).toBe(false);
    expect(waiting.done).not.toBe("redirected");
  });

  test("sends waiters to who has their keys next, with what they have waited", async () => {
    const heirOf = (key: string) => (key === "key" ? "http://b:1" : null);
    const b = new BrokerForTests({ drainMs: 0 }, { ...placement(), heirOf });
    const poll = b.poll("a", { lease: null, hops: 2, elapsedMs: 100 });
    const other = b.poll("b", undefined, { key: "other" });
    b.pass(500);

    const drained = b.broker.drain();
    b.pass(50);

    await drained;
    expect(poll.location).toMatch(/^http:\/\/b:1\/warm-start\?h=3&e=6[0-9]{2}&m=abc$/);
    expect(other.done).toBe("closed");
  });

  test("ends those, too, that come while it is under way", async () => {
    const b = new BrokerForTests({ drainMs: 1000 });
    for (let number = 0; number < 50; number++) b.poll(`r${number}`);
    const drained = b.broker.drain();
    b.pass(100);
    const late = b.poll("late");
    expect(late.done).toBeNull();

    b.pass(1000);

    await drained;
    expect(late.done).toBe("closed");
    expect(b.broker.facts().parked).toBe(0);
  });

  test("a second demand ends what is left at once", async () => {
    const b = new BrokerForTests({ drainMs: 60_000 });
    const polls = [b.poll("a"), b.poll("b")];
    const dispatcher = b.dispatch("s1");
    const drained = b.broker.drain();

    b.broker.stop();

    await drained;
    expect(dispatcher.verdict).toBe(false);
    expect(polls.map(({ done }) => done)).toEqual(["closed", "redirected"]);
  });
});

test("when keys have another owner only their waiters leave, over some time", () => {
  const other = placement();
  const broker = new BrokerForTests({}, other);
  const ours = broker.poll("controller_1", undefined, { key: "ours" });
  const theirs = broker.poll("controller_2", undefined, { key: "theirs" });

  other.theirs.add("theirs");
  broker.broker.placementChanged();
  broker.pass(relocateMs + 25);

  expect(theirs.done).toBe("redirected");
  expect(ours.done).toBeNull();
});
