import { expect, test } from "bun:test";
import { describeValue } from "./config-problems.ts";
import { forceReason } from "./deploy-api.ts";

const known = { keys: ["force"], rangeOf: () => undefined };

test("says how long a text must be, in characters", () => {
  const { error } = forceReason.safeParse("x", { reportInput: true });
  expect(describeValue(error!.issues[0]!, "force", known)).toBe(
    'force is "x", must be at least 3 characters',
  );
});
