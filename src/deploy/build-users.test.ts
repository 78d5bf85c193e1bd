import { afterEach, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync, utimesSync } from "node:fs";
import { BuildUsers } from "./build-users.ts";
import { TestFolder } from "./folder-for-tests.ts";
import { buildCachesMax } from "./limits.ts";

const isRoot = process.getuid?.() === 0;
const folders: TestFolder[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

function setup(files: Record<string, string> = {}) {
  const data = new TestFolder({ "builds/.keep": "", ...files });
  folders.push(data);
  return { data, users: new BuildUsers(data.path) };
}

test("an app's cache is for its builds alone and stays from one build to the next", () => {
  const { data, users } = setup();

  const [first, second, again] = ["shop", "blog", "shop"].map((app) => {
    using user = users.ofApp(app);
    return user;
  });

  expect(first?.cache).toBe(data.at("builds/.cache/shop"));
  expect(statSync(data.at("builds/.cache/shop")).mode & 0o777).toBe(0o700);
  expect(again?.uid).toBe(first?.uid ?? null);
  if (isRoot) {
    expect(second?.uid).not.toBe(first?.uid ?? null);
    expect(users.has(first?.uid ?? 0)).toBe(true);
  } else expect(first?.uid).toBeNull();
});

test("a cache that the node has filled is given to the app's user", () => {
  const { data, users } = setup({ "builds/.cache/shop/dep@1.0.0@@@1/index.js": "1" });

  using user = users.ofApp("shop");

  expect(statSync(data.at("builds/.cache")).mode & 0o777).toBe(isRoot ? 0o711 : 0o700);
  const owner = user.uid ?? process.getuid?.();
  for (const path of ["", "dep@1.0.0@@@1", "dep@1.0.0@@@1/index.js"]) {
    expect(statSync(data.at("builds/.cache/shop", path)).uid, path).toBe(owner as number);
  }
});

test("the caches of apps that were built longest ago go, those in use never", () => {
  const { data, users } = setup();
  const names = Array.from({ length: buildCachesMax }, (_, index) => `app-${index}`);
  for (const [index, name] of names.entries()) {
    using _user = users.ofApp(name);
    utimesSync(data.at("builds/.cache", name), 1000 + index, 1000 + index);
  }
  using _oldest = users.ofApp("app-0");
  utimesSync(data.at("builds/.cache/app-0"), 1, 1);

  using _newest = users.ofApp("one-more");

  const left = readdirSync(data.at("builds/.cache")).filter((name) => !name.startsWith("."));
  expect(left).toHaveLength(buildCachesMax);
  expect(left).toContain("app-0");
  expect(left).toContain("one-more");
  expect(existsSync(data.at("builds/.cache/app-1"))).toBe(false);
});

test.if(isRoot)(
  "two configurations that are read at once have different users, and no app's",
  () => {
    const { users } = setup();
    using app = users.ofApp("shop");
    using one = users.passing();
    let other: number | null;
    {
      using two = users.passing();
      other = two.uid;
    }
    using three = users.passing();

    expect(new Set([app.uid, one.uid, other]).size).toBe(3);
    expect(three.uid).toBe(other);
    expect(one.cache).toBeNull();
  },
);
