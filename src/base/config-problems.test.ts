import { expect, test } from "bun:test";
import { z } from "zod";
import { describeValue } from "./config-problems.ts";

const known = { keys: ["force"], rangeOf: () => undefined };

test("says how long a text must be, in characters", () => {
  const { error } = z.string().min(3).safeParse("x", { reportInput: true });
  expect(describeValue(error!.issues[0]!, "force", known)).toBe(
    'force is "x", must be at least 3 characters',
  );
});
