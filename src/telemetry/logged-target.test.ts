/** Goal: no value of a query reaches a log. */
import { expect, test } from "bun:test";
import { randomOf, testSeed } from "../base/random-for-tests.ts";
import { loggedTargetCharactersMax } from "./limits.ts";
import { loggedTarget } from "./logged-target.ts";

test.each([
  ["/", "/"],
  ["/cart/7", "/cart/7"],
  ["/find?q=red+shoes&page=2", "/find?q=…&page=…"],
  ["/reset?8f3ab2c1", "/reset?…"],
  ["/a?", "/a?…"],
  ["/a?x=1?y=2", "/a?x=…"],
  ["/a?token=a=b&&=c", "/a?token=…&…&=…"],
  ["*", "*"],
])("%s is logged as %s", (target, logged) => {
  expect(loggedTarget(target)).toBe(logged);
});

test("a secret value never shows, and a long target is cut", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const text = (length: number) => "p".repeat(random(length));
  for (let round = 0; round < 1000; round++) {
    const names = Array.from({ length: random(40) }, () => `${text(30)}=${text(30)}SECRET`);
    const target = `/${text(700)}?${names.join("&")}${random(2) === 0 ? "&SECRET" : ""}`;

    const logged = loggedTarget(target);

    expect(logged, `${target}, LEVAIN_TEST_SEED=${seed}`).not.toContain("S");
    expect(logged.length).toBeLessThanOrEqual(loggedTargetCharactersMax);
  }
});
