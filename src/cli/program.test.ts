import { expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import { readWords } from "./program.ts";
import { loadVerbs } from "./verbs.ts";

const verbs = await loadVerbs();

/** What is wrong with the words. */
function complaint(words: string): string {
  try {
    readWords(words.split(" "), verbs);
  } catch (error) {
    if (error instanceof PlatformError) return error.message;
    throw error;
  }
  return "nothing";
}

test.each([
  ["inspect shop v7", "; write inspect shop@v7"],
  ["remove shop v7 --confirm shop", "; write remove shop@v7"],
  ["logs shop v7", "; write logs shop --version v7"],
  ["promote shop@v7", "; write promote shop v7"],
])("%p is told how the command wants its version", (words, hint) => {
  expect(complaint(words)).toEndWith(hint);
});

test.each(["apps shop v7", "inspect shop@v7 --unknown", "promote shop", "logs shop web"])(
  "%p is wrong for another reason, and no version is spoken of",
  (words) => {
    expect(complaint(words)).not.toContain("; write");
    expect(complaint(words)).not.toBe("nothing");
  },
);
