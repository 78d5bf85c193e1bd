/** Goal: whether a message arrived is told from its runner's next requests, and never against what clients really do. */
import { describe, expect, test } from "bun:test";
import { BrokerForTests, type FakePoll } from "./broker-for-tests.ts";
import { addressesVaryMs } from "./limits.ts";

/** A runner that has claimed a message. */
function delivered(b: BrokerForTests): FakePoll {
  const poll = b.poll("a");
  b.dispatch("s1");
  return b.follow(poll);
}

describe("a runner that polls again without a /connect", () => {
  test("on another connection has lost the message, and gets it again", () => {
    const b = new BrokerForTests();
    delivered(b);

    const again = b.poll("a");

    expect(again.done).toBe("redirected");
    expect(b.follow(again).text).toBe("s1");
  });

  test("on the same connection has read the message, as load generators do", () => {
    const b = new BrokerForTests();
    delivered(b);

    const again = b.poll("a", undefined, { sameSocket: true });

    expect(again.done).toBeNull();
  });

  test("on the same connection, when its client had given up before, has lost it", () => {
    const b = new BrokerForTests({ connectionTimeoutMs: 2000, retainMs: 10_000 });
    delivered(b);
    b.pass(2000);

    const again = b.poll("a", undefined, { sameSocket: true });

    expect(again.done).toBe("redirected");
    expect(b.follow(again).text).toBe("s1");
  });
});

test("a connection that breaks late says nothing of what its runner was given on another since", () => {
  const b = new BrokerForTests();
  const old = delivered(b);
  const again = b.follow(b.poll("a"));
  expect(again.text).toBe("s1");

  b.broker.lost(old.poll, old);

  expect(b.poll("other").done).toBeNull();
});

test.each([false, true])(
  "a runner that asked for /connect has the message, on the same connection or not: %p",
  (sameSocket) => {
    const b = new BrokerForTests({ connectionTimeoutMs: 2000, retainMs: 10_000 });
    expect(delivered(b).text).toBe("s1");
    b.pass(2000);
    b.broker.connect("10.0.0.1");

    expect(b.poll("a", undefined, { sameSocket }).done).toBeNull();
  },
);

describe("runners that come by several addresses", () => {
  const other = { address: "10.0.0.2" };

  test("have lost nothing when they poll again: their /connect may have come by another one", () => {
    const b = new BrokerForTests();
    delivered(b);

    expect(b.poll("a", undefined, other).done).toBeNull();
  });

  test("are known by a claim, and then nobody has lost anything, for a while", () => {
    const b = new BrokerForTests();
    b.poll("a", b.offer("a", "s1").path, other);
    b.follow(b.offer("b", "s2"));
    expect(b.poll("b").done).toBeNull();

    b.pass(addressesVaryMs);

    b.follow(b.offer("c", "s3"));
    expect(b.poll("c").done).toBe("redirected");
  });
});
