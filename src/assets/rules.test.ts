/** `_redirects` and `_headers`: what is read, what is refused and why, and what a path leads to. */
import { describe, expect, test } from "bun:test";
import { headersFor, parseHeaders } from "./header-rules.ts";
import { parseRedirects, redirectOf } from "./redirect-rules.ts";

const redirect = (text: string, path: string, query = "") => {
  const { rules, problems } = parseRedirects(text);
  expect(problems).toEqual([]);
  return redirectOf(rules, path, query);
};

describe("a redirect", () => {
  test.each([
    ["/a /b", "/a", { status: 301, to: "/b" }],
    ["/a /b", "/a/", { status: 301, to: "/b" }],
    ["/a/ /b", "/a", { status: 301, to: "/b" }],
    ["/a /b", "/ab", null],
    ["/a /b", "/a/b", null],
    ["/ /b 302", "/", { status: 302, to: "/b" }],
    ["/a/* /b/:splat", "/a/x/y", { status: 301, to: "/b/x/y" }],
    ["/a/* /b/:splat", "/a", { status: 301, to: "/b/" }],
    ["/a/* /b/:splat", "/a/", { status: 301, to: "/b/" }],
    [
      "/* https://x.example:8080/:splat 308",
      "/a/b",
      { status: 308, to: "https://x.example:8080/a/b" },
    ],
    ["/:x/:y /:y/:x", "/1/2", { status: 301, to: "/2/1" }],
    ["/:x /y", "/", null],
    ["/caf%C3%A9 /b", "/café", { status: 301, to: "/b" }],
    ["/café /b", "/caf%C3%A9", { status: 301, to: "/b" }],
    ["/a/* /:splat", "/a//evil.example", { status: 301, to: "/evil.example" }],
    ["/a/* /:splat", "/a/\\evil.example", { status: 301, to: "/evil.example" }],
    ["/a /b#part", "/a", { status: 301, to: "/b#part" }],
    ["# x\n\n/a /b # why\n/a /c", "/a", { status: 301, to: "/b" }],
  ])("of %p at %p is %p", (text, path, expected) => {
    expect(redirect(text, path)).toEqual(expected as never);
  });

  test("passes the query on, unless it has one", () => {
    expect(redirect("/a /b", "/a", "?x=1")?.to).toBe("/b?x=1");
    expect(redirect("/a /b#part", "/a", "?x=1")?.to).toBe("/b?x=1#part");
    expect(redirect("/a /b?y", "/a", "?x=1")?.to).toBe("/b?y");
    expect(redirect("/a /b 200", "/a", "?x=1")?.to).toBe("/b");
  });

  test.each([
    ["/a", "where the path leads to"],
    ["a /b", '"a" must begin with /'],
    ["https://x.example/a /b", "must begin with /"],
    ["/a b", '"b" must begin with / or with https://'],
    ["/a /b 418", "must be one of"],
    ["/a /b 302x", "must be one of"],
    ["/a https://x.example/ 200", "must lead to a path of this app"],
    ["/a id=:id /b", "condition on the query"],
    ["/a /b 302 Country=de", "is a condition"],
    ["/a/*/b /c", "* in"],
    ["/a* /c", "* in"],
    ["/:a/:a /c", "twice"],
    ["/:1 /c", "not a placeholder"],
    ["/a /b/:splat", ":splat is nothing of"],
    ["/a?x /b", "without a query"],
    [`/a /${"b".repeat(3000)}`, "characters"],
  ])("cannot be %p", (text, words) => {
    const { problems } = parseRedirects(`# first\n${text}`);

    expect(problems.join()).toStartWith("line 2: ");
    expect(problems.join()).toContain(words);
  });

  test("is one of a bounded number", () => {
    const { problems } = parseRedirects("/a /b\n".repeat(2001));

    expect(problems.join()).toContain("more than 2000 rules");
  });
});

describe("headers", () => {
  const of = (text: string, path: string) => {
    const { rules, problems } = parseHeaders(text);
    expect(problems).toEqual([]);
    return Object.fromEntries(headersFor(rules, path));
  };

  test("of all rules that fit are joined", () => {
    const text = "/*\n  X-A: 1\n  Set-Cookie: a=1\n/b/:c\n  x-a: 2\n  Set-Cookie: b=2\n  X-C: :c\n";

    expect(of(text, "/x")).toEqual({ "x-a": "1", "set-cookie": "a=1" });
    expect(of(text, "/b/d")).toEqual({ "x-a": "1, 2", "set-cookie": "a=1\nb=2", "x-c": "d" });
  });

  test("can be taken away and set again", () => {
    expect(of("/*\n  X-A: 1\n/b\n  ! X-A\n", "/b")).toEqual({ "x-a": null });
    expect(of("/*\n  X-A: 1\n/b\n  ! X-A\n  X-A: 2\n", "/b")).toEqual({ "x-a": "2" });
  });

  test.each([
    ["  X-A: 1", "below a path"],
    ["/a\n  X-A", "a colon"],
    ["/a\n  X A: 1", "not a header name"],
    ["/a\n  Content-Length: 1", "set by Levain"],
    ["/a\n  Levain-Error: 1", "set by Levain"],
    ["/a\n  X-A: Käse", "visible ASCII"],
    ["/a\n  X-A: a\rb", "visible ASCII"],
    ["https://x.example/a\n  X-A: 1", "not for a host"],
    [`/a\n${"  X-A: 1234567890123456789012345678901234567890\n".repeat(300)}`, "together"],
  ])("cannot be %p", (text, words) => {
    expect(parseHeaders(text).problems.join()).toContain(words);
  });
});
