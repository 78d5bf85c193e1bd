/** Goal: a key is used only when it is whole and nobody else's. Method: real files with real modes. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newMasterKey, parseMasterKeys, readKeyFile, writeKeyFile } from "./key-file.ts";
import { Keyring } from "./keyring.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function keyPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "levain-key-"));
  folders.push(folder);
  return join(folder, "master-key");
}

describe("the key file", () => {
  test("is made once, for its user only", () => {
    const path = keyPath();
    const first = Keyring.open({ path });
    const second = Keyring.open({ path });

    expect(first.isNew).toBe(true);
    expect(second.isNew).toBe(false);
    expect(second.keyId).toBe(first.keyId);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(path, ".."))).toEqual(["master-key"]);
    expect(second.unseal(first.seal("hunter2", ["a"]), ["a"])).toBe("hunter2");
  });

  test.each([0o640, 0o604, 0o660, 0o666, 0o610])("of mode %o is refused", (mode) => {
    const path = keyPath();
    writeKeyFile(path, [newMasterKey()]);
    chmodSync(path, mode);

    expect(() => Keyring.open({ path })).toThrow("others may read or change it");
  });

  test.each([
    ["nothing", ""],
    ["only a comment", "# a key\n"],
    ["31 bytes", `${"ab".repeat(31)}\n`],
    ["33 bytes", `${"ab".repeat(33)}\n`],
    ["no hex", `${"zz".repeat(32)}\n`],
    ["half a key behind a whole one", `${"ab".repeat(32)}\n${"ab".repeat(16)}\n`],
    ["more than a file of keys has", "#".repeat(5000)],
    ["nine keys", Array.from({ length: 9 }, (_, index) => `0${index}`.repeat(32)).join("\n")],
  ])("with %s is refused without a word of what is in it", (_, text) => {
    const path = keyPath();
    writeFileSync(path, text, { mode: 0o600 });

    let message = "";
    try {
      Keyring.open({ path });
    } catch (error) {
      message = (error as Error).message;
    }

    expect(message).toStartWith(`Cannot use the master key in ${path}: `);
    expect(message).not.toContain("abab");
    // A new one in its place would open nothing.
    expect(readFileSync(path, "latin1")).toBe(text);
  });

  test("that is a folder is refused", () => {
    const path = keyPath();
    mkdirSync(path, { mode: 0o700 });

    expect(() => readKeyFile(path)).toThrow("it is not a file");
  });
});

test("keys are taken as hex and as base64, with commas or spaces between them", () => {
  const bytes = Buffer.alloc(32, 7);
  const written = [
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    ` ${bytes.toString("hex")},${bytes.toString("base64")}\n`,
  ];

  for (const text of written) {
    expect(parseMasterKeys(text, "LEVAIN_MASTER_KEY")).toEqual([bytes.toString("hex")]);
  }
});

describe("a rotation", () => {
  test("has both keys on the disk until all that was sealed with the old one is stored", () => {
    const path = keyPath();
    const keyring = Keyring.open({ path });
    const old = keyring.keyId;
    const held = keyring.hold();
    const sealed = keyring.seal("hunter2", ["a"]);

    keyring.begin();
    expect(readKeyFile(path)).toHaveLength(2);
    expect(keyring.isFree).toBe(false);
    using _later = keyring.hold();
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    expect(keyring.isFree).toBe(true);
    keyring.settle();

    expect(readKeyFile(path)).toHaveLength(1);
    expect(keyring.keyId).not.toBe(old);
    // What this process has in memory it still opens; the next one does not.
    expect(keyring.unseal(sealed, ["a"])).toBe("hunter2");
    expect(() => Keyring.open({ path }).unseal(sealed, ["a"])).toThrow(old);
  });

  test("is not for keys that the operator keeps", () => {
    const path = keyPath();
    const keyring = Keyring.open({ path, given: newMasterKey() });

    expect(() => keyring.begin()).toThrow("LEVAIN_MASTER_KEY");
    expect(() => statSync(path)).toThrow("ENOENT");
  });
});
