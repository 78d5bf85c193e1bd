import { describe, expect, test } from "bun:test";
import { pick, randomOf, testSeed } from "../base/random-for-tests.ts";
import { pathOf, plainPathOf, queryOf } from "./hook-path.ts";

/** Both paths of a target. */
const both = (target: string) => [pathOf(target), plainPathOf(pathOf(target))];

describe("a path as an app reads it, and decoded:", () => {
  test.each([
    ["/", "/", "/"],
    ["/a/b/", "/a/b/", "/a/b/"],
    ["/a?b=/c/../d", "/a", "/a"],
    ["/a/../b", "/b", "/b"],
    ["/a/%2e%2E/b", "/b", "/b"],
    ["/a/.%2e/b/.", "/b/", "/b/"],
    ["/../../b", "/b", "/b"],
    ["/a\\..\\b", "/b", "/b"],
    ["//evil.com/a", "//evil.com/a", "/evil.com/a"],
    ["/a//b", "/a//b", "/a/b"],
    ["/%61dmin", "/%61dmin", "/admin"],
    ["/%2561", "/%2561", "/%61"],
    ["/a%2fb", "/a%2fb", "/a/b"],
    ["/a%2F..%2Fb", "/a%2F..%2Fb", "/b"],
    ["/a/..%2fb", "/a/..%2fb", "/b"],
    ["/a%5c..%5Cb", "/a%5c..%5Cb", "/b"],
    ["/caf%C3%A9", "/caf%C3%A9", "/café"],
    ["/%FF%61", "/%FF%61", "/%FFa"],
    ["/100%", "/100%", "/100%"],
    ["/.well-known/x", "/.well-known/x", "/.well-known/x"],
    ["/a;b", "/a;b", "/a;b"],
    ['/a"b{c}', "/a%22b%7Bc%7D", '/a"b{c}'],
  ])("%j", (target, path, plain) => {
    expect(both(target)).toEqual([path, plain]);
  });
});

test("any path is what `new URL` says", () => {
  const seed = testSeed();
  const random = randomOf(seed);
  const pieces = [
    "/",
    "/",
    ".",
    "..",
    "%2e",
    "%2E",
    "%2f",
    "\\",
    "a",
    "b",
    "~",
    "%",
    "%zz",
    "'",
    ":",
    "@",
    '"',
    "<",
    "^",
    "|",
    "`",
    "{",
    "[",
    ";",
    "é".length > 1 ? "" : "%C3%A9",
  ];
  for (let count = 0; count < 5000; count++) {
    const target = `/${Array.from({ length: random(9) }, () => pick(random, pieces)).join("")}`;

    expect(pathOf(target), `${target} (seed ${seed})`).toBe(
      new URL(`http://shop.localhost:4000${target}`).pathname,
    );
    const plain = plainPathOf(pathOf(target));
    expect(plain, `${target} (seed ${seed})`).toMatch(/^\/(?!.*\/\/)(?!.*\/\.\.?(\/|$))/);
  }
});

test("a query begins with the first question mark", () => {
  expect(["/a", "/a?", "/a?b?c"].map(queryOf)).toEqual(["", "?", "?b?c"]);
});
