import { describe, expect, test } from "bun:test";
import { PlatformError } from "../base/errors.ts";
import {
  appNameFrom,
  appNameProblem,
  branchLabel,
  checkAppName,
  checkBranchName,
} from "./names.ts";

const none: ReadonlySet<string> = new Set();
const LABEL = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

describe("an app's name", () => {
  test.each(["a", "shop", "my-app", "a1", "1a", "v", "v7x", "a".repeat(40)])(
    "%p is one",
    (name) => {
      expect(checkAppName(name)).toBe(name);
    },
  );

  test.each(["", "-a", "a-", "a--b", "A", "a_b", "a.b", "v7", "ä", "a b", "a".repeat(41)])(
    "%p is none",
    (name) => {
      expect(appNameProblem(name)).not.toBeNull();
      expect(() => checkAppName(name)).toThrow(PlatformError);
    },
  );

  test.each([
    ["@me/My_App", "my-app"],
    ["Föö  Bär", "foo-bar"],
    ["__x__", "x"],
    ["a--b", "a-b"],
    ["@scope/", null],
    ["日本", null],
    ["v12", null],
    [`${"ab-".repeat(20)}`, `${"ab-".repeat(13)}a`],
    [`${"a".repeat(39)}-b`, "a".repeat(39)],
  ])("from %p comes %p", (text, name) => {
    expect(appNameFrom(text)).toBe(name);
  });
});

describe("a branch's label", () => {
  test.each([
    ["feature/x", "feature-x"],
    ["Fix_Über#12", "fix-uber-12"],
    ["main", "main"],
    ["dependabot/npm_and_yarn/x-1.2", "dependabot-npm-and-yarn-x-1-2"],
  ])("of %p is %p", (branch, label) => {
    expect(branchLabel(branch, none, "shop")).toBe(label);
  });

  test("never reads as a version and is never empty", () => {
    expect(branchLabel("v7", none, "shop")).toMatch(/^v7-[0-9a-f]{8}$/);
    expect(branchLabel("日本", none, "shop")).toMatch(/^b-[0-9a-f]{8}$/);
  });

  test("that another branch has gets a hash, again and again", () => {
    const taken = new Set(["feature-x"]);
    const second = branchLabel("feature_x", taken, "shop");
    const third = branchLabel("feature_x", new Set([...taken, second]), "shop");

    expect(second).toMatch(/^feature-x-[0-9a-f]{8}$/);
    expect(third).toMatch(/^feature-x-[0-9a-f]{8}$/);
    expect(third).not.toBe(second);
  });

  test("fits into a host label together with the app's name, whatever both are", () => {
    for (const appLength of [1, 20, 40]) {
      for (const branch of [
        "x".repeat(200),
        "ab/".repeat(60),
        `${"a".repeat(11)}--/b`,
        "V1",
        ".",
      ]) {
        const label = branchLabel(branch, none, "a".repeat(appLength));
        expect(label).toMatch(LABEL);
        expect(label.length + 2 + appLength).toBeLessThanOrEqual(63);
        expect(label).not.toContain("--");
      }
    }
  });

  test("is the same every time", () => {
    const long = "x".repeat(100);
    expect(branchLabel(long, none, "shop")).toBe(branchLabel(long, none, "shop"));
    expect(branchLabel(`${long}y`, none, "shop")).not.toBe(branchLabel(long, none, "shop"));
  });

  test.each([
    "__proto__",
    "a\ud800b",
    "a\u202eb",
    "a\u009bb",
    "a\u3000b",
    "",
    "a b",
    "a..b",
    "/a",
    "a/",
    "a//b",
    "-a",
    "a\u0000",
    "a~1",
    "x".repeat(201),
  ])("%p is not a branch", (branch) => {
    expect(() => checkBranchName(branch)).toThrow(PlatformError);
  });

  test.each(["main", "feature/x", "日本", "a.b", "user@x"])("%p is a branch", (branch) => {
    expect(checkBranchName(branch)).toBe(branch);
  });
});
