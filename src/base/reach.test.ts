import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockedAt, mayPass, mayReadAndPass } from "./reach.ts";

const owner = { uid: 500, gid: 500 };
const member = { uid: 501, gid: 500 };
const stranger = { uid: 502, gid: 502 };

test.each([
  [0o711, [true, true, true]],
  [0o710, [true, true, false]],
  [0o700, [true, false, false]],
  // The owner's own bits count for the owner, even when everybody else may pass.
  [0o611, [false, true, true]],
  [0o701, [true, false, true]],
])(
  "a folder of mode %o lets pass owner, member and stranger as the kernel does",
  (mode, wanted) => {
    const facts = { mode, uid: 500, gid: 500 };

    expect([owner, member, stranger].map((who) => mayPass(facts, who))).toEqual(wanted);
  },
);

test("running a program takes reading and passing", () => {
  expect(mayReadAndPass({ mode: 0o755, uid: 0, gid: 0 }, stranger)).toBe(true);
  expect(mayReadAndPass({ mode: 0o711, uid: 0, gid: 0 }, stranger)).toBe(false);
});

test("root may pass everywhere", () => {
  expect(mayPass({ mode: 0, uid: 500, gid: 500 }, { uid: 0, gid: 0 })).toBe(true);
});

describe("blockedAt()", () => {
  let folder: string;
  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "levain-reach-")));
    mkdirSync(join(folder, "closed/open"), { recursive: true });
    symlinkSync(join(folder, "closed/open"), join(folder, "link"));
    chmodSync(join(folder, "closed"), 0o700);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("names the outermost closed folder, also behind a link", async () => {
    chmodSync(folder, 0o755);
    expect(await blockedAt(join(folder, "link"), stranger)).toBe(join(folder, "closed"));

    chmodSync(folder, 0o700);
    expect(await blockedAt(join(folder, "link"), stranger)).toBe(folder);
  });

  test("answers null for the one who may pass", async () => {
    expect(await blockedAt(join(folder, "link"), { uid: 0, gid: 0 })).toBeNull();
  });
});
