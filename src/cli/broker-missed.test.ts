import { describe, expect, test } from "bun:test";
import type { BrokerStatus } from "../broker/status-api.ts";
import { missedLines } from "./broker-missed.ts";

const wanted = { deployment: "deployment_a", version: "2", cpu: "0.5", memory: "1" };

/** `top`: what waits, as changes of what was wanted. */
function lines(missed: typeof wanted | null, top: Partial<typeof wanted>[], polls = 1): string[] {
  const waiters = { missed, top: top.map((row) => ({ ...wanted, ...row, waiters: 1 })) };
  return missedLines({ waiters, polls: { total: polls } } as BrokerStatus);
}

describe("missedLines", () => {
  test("says nothing when no dispatch missed for want of a runner", () => {
    expect(lines(null, [{}])).toEqual([]);
  });

  test("says in what the nearest runner differs, and the deployment counts most", () => {
    const [was, why] = lines(wanted, [{ deployment: "deployment_b" }, { version: "1", cpu: "1" }]);

    expect(was).toBe("the last was for deployment_a 2, CPU 0.5, GB 1");
    expect(why).toBe("the nearest runner waits with version 1, CPU 1");
  });

  test("shows who waits when nobody has anything in common with it", () => {
    const other = { deployment: "deployment_b", version: "1", cpu: "1", memory: "2" };

    expect(lines(wanted, [other])[1]).toBe(
      "the nearest runner waits with deployment deployment_b, version 1, CPU 1, GB 2",
    );
  });

  test("says when one that fits has come since, when nobody waits, and when no runner ever asked", () => {
    expect(lines(wanted, [{ version: "1" }, {}])[1]).toBe("a runner that fits waits now");
    expect(lines(wanted, [])).toHaveLength(1);
    expect(lines(wanted, [], 0)[1]).toBe(
      "no runner has asked yet: does it reach TRIGGER_WARM_START_URL?",
    );
  });
});
