/** Goal: what lies on a disk says nothing and opens only where it belongs. Method: values of every kind, changed in every byte. */
import { describe, expect, test } from "bun:test";
import { newMasterKey } from "./key-file.ts";
import { isSealed, masterKeyOf, seal, UnsealError, unseal } from "./seal.ts";

const key = masterKeyOf(newMasterKey());
const keys = new Map([[key.id, key]]);
const place = ["value", "shop", "branch", "main", "TOKEN"];

describe("a sealed value", () => {
  test.each([
    ["a line", "hunter2"],
    ["nothing", ""],
    ["several lines", "-----BEGIN KEY-----\nabc\r\n-----END KEY-----\n"],
    ["unicode", "пароль 🔑 \u{10ffff}"],
    ["another sealed value", seal(key, "x", place)],
    ["64 KiB", "x".repeat(65_536)],
  ])("opens as it was: %s", (_, value) => {
    const sealed = seal(key, value, place);

    expect(unseal(keys, sealed, place)).toBe(value);
    expect(isSealed(sealed)).toBe(true);
    if (value.length > 4) expect(sealed).not.toContain(value);
  });

  test("is another one each time", () => {
    const all = Array.from({ length: 200 }, () => seal(key, "hunter2", place));

    expect(new Set(all).size).toBe(200);
  });

  test("does not open anywhere else", () => {
    const sealed = seal(key, "hunter2", place);
    const others = [
      ["value", "shop", "branch", "staging", "TOKEN"],
      ["value", "blog", "branch", "main", "TOKEN"],
      ["value", "shop", "all", "main", "TOKEN"],
      ["value", "shop", "branch", "main", "TOKEN2"],
      ["version", "shop", 1, "run", "TOKEN"],
      // The parts are told apart, wherever one ends.
      ["value", "shop", "branchmain", "TOKEN"],
      ["value", "shop", "branch", "main", "TOKEN", ""],
    ];

    for (const other of others) expect(() => unseal(keys, sealed, other)).toThrow(UnsealError);
  });

  test("does not open when any byte of it was changed", () => {
    const sealed = seal(key, "hunter2", place);
    const [, , , payload = ""] = sealed.split(":");
    const bytes = Buffer.from(payload, "base64url");

    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      const text = `sealed:1:${key.id}:${changed.toString("base64url")}`;
      expect(() => unseal(keys, text, place)).toThrow("it was changed");
    }
    for (const short of ["", "AA", payload.slice(0, 20)]) {
      expect(() => unseal(keys, `sealed:1:${key.id}:${short}`, place)).toThrow(UnsealError);
    }
  });

  test("says which key it needs, and not a word of its value", () => {
    const other = masterKeyOf(newMasterKey());
    const sealed = seal(other, "hunter2", place);

    expect(() => unseal(keys, sealed, place)).toThrow(
      `it was sealed with key ${other.id}, which this node does not have`,
    );
    // A key's id does not give it another's right to open.
    const renamed = sealed.replace(other.id, key.id);
    expect(() => unseal(keys, renamed, place)).toThrow("it was changed");
  });
});
