/** Places for backups, and what they do when something is in the way. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refusal, startTestS3 } from "./s3-for-tests.ts";
import { accessOf, findBackup, openStorage } from "./storage.ts";

const IDS = ["20261121T170000Z-aaaaaa", "20261122T170000Z-bbbbbb", "20261123T170000Z-cccccc"];
const manifest = new TextEncoder().encode("{}");

function folder(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), "levain-storage-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const accessTo = (endpoint: string, timeoutMs?: number) => ({
  ...accessOf({ AWS_ACCESS_KEY_ID: "who", AWS_SECRET_ACCESS_KEY: "secret" }),
  endpoint,
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
  retryMs: 1,
});

describe("in both kinds of places", () => {
  const places = {
    folder() {
      const { path, [Symbol.dispose]: dispose } = folder();
      return {
        storage: openStorage(path, accessOf({})),
        [Symbol.asyncDispose]: async () => dispose(),
      };
    },
    bucket() {
      const s3 = startTestS3("secret");
      const storage = openStorage("s3://backups/some/prefix", accessTo(s3.endpoint));
      return { storage, [Symbol.asyncDispose]: () => s3[Symbol.asyncDispose]() };
    },
  };

  describe.each(Object.entries(places))("a %s", (_, place) => {
    test("lists what is whole, newest first, and forgets what was removed", async () => {
      await using given = place();
      const { storage } = given;
      for (const id of IDS) {
        const target = await storage.begin(id);
        await target.put("cluster.00001", new Uint8Array([1, 2, 3]));
        if (id !== IDS[1]) await target.commit(manifest);
      }

      expect(await storage.ids()).toEqual([IDS[2]!, IDS[0]!]);
      expect([...(await storage.read(IDS[0]!, "cluster.00001", 10))]).toEqual([1, 2, 3]);
      await storage.remove(IDS[2]!);
      expect(await storage.ids()).toEqual([IDS[0]!]);
    });

    test("says which part is missing, and which is too long", async () => {
      await using given = place();
      const target = await given.storage.begin(IDS[0]!);
      await target.put("node.00001", new Uint8Array(100));
      await target.commit(manifest);

      await expect(given.storage.read(IDS[0]!, "node.00002", 10)).rejects.toMatchObject({
        code: "BACKUP_DAMAGED",
        message: expect.stringContaining("node.00002 is missing"),
      });
      await expect(given.storage.read(IDS[0]!, "node.00001", 10)).rejects.toMatchObject({
        code: "BACKUP_DAMAGED",
      });
    });
  });
});

describe("a folder", () => {
  test("is swept of what a killed backup has left, and not of one that is being made", async () => {
    using place = folder();
    const storage = openStorage(place.path, accessOf({}));
    mkdirSync(join(place.path, `.unfinished-${IDS[0]}`));
    writeFileSync(join(place.path, `.unfinished-${IDS[0]}`, "lock"), "");
    writeFileSync(join(place.path, "notes.txt"), "mine");
    const living = await storage.begin(IDS[1]!);

    expect(await storage.sweep(Date.now())).toEqual([IDS[0]!]);
    await living.put("node.00001", new Uint8Array(1));
    await living.commit(manifest);

    expect(readdirSync(place.path).sort()).toEqual([IDS[1]!, "notes.txt"]);
  });

  test("that cannot be written to is named with what the system says", async () => {
    using place = folder();
    writeFileSync(join(place.path, "file"), "");
    const storage = openStorage(join(place.path, "file"), accessOf({}));

    await expect(storage.begin(IDS[0]!)).rejects.toMatchObject({ code: "BACKUP_STORAGE_FAILED" });
  });
});

describe("a bucket", () => {
  test("takes what is signed as Amazon says, whatever the prefix, and nothing that another secret signed", async () => {
    await using s3 = startTestS3("secret");
    for (const prefix of ["", "/p", "/a b", "/a+b", "/ü", "/a=b&c", "/a(b)'*!~", "/a%b"]) {
      const storage = openStorage(`s3://backups${prefix}`, accessTo(s3.endpoint));
      const target = await storage.begin(IDS[0]!);
      await target.put("node.00001", new Uint8Array([7]));
      await target.commit(manifest);

      expect(await storage.ids(), prefix).toEqual([IDS[0]!]);
      expect([...(await storage.read(IDS[0]!, "node.00001", 10))]).toEqual([7]);
      await storage.remove(IDS[0]!);
      expect(await storage.ids(), prefix).toEqual([]);
    }
    await using other = startTestS3("another secret");
    const code = "BACKUP_STORAGE_FAILED";
    const storage = openStorage("s3://backups/p", accessTo(other.endpoint));
    await expect(storage.ids()).rejects.toMatchObject({ code });
    await expect((await storage.begin(IDS[0]!)).put("a", manifest)).rejects.toMatchObject({ code });
  });

  test("that is busy now and then is asked again", async () => {
    await using s3 = startTestS3();
    s3.before = ({ count }) => (count % 3 === 0 ? null : refusal(503, "SlowDown"));
    const storage = openStorage("s3://backups", accessTo(s3.endpoint));
    const target = await storage.begin(IDS[0]!);

    await target.put("node.00001", new Uint8Array([7]));
    await target.commit(manifest);

    expect(await storage.ids()).toEqual([IDS[0]!]);
  }, 30_000);

  test("that never answers is given up within a bound", async () => {
    await using s3 = startTestS3();
    s3.before = () => "stall";
    const storage = openStorage("s3://backups", accessTo(s3.endpoint, 50));

    const message = expect.stringContaining("gave no answer within 50 ms");
    const code = "BACKUP_STORAGE_FAILED";
    await expect((await storage.begin(IDS[0]!)).put("a", manifest)).rejects.toMatchObject({
      code,
      message,
    });
    await expect(storage.ids()).rejects.toMatchObject({ code, message });
  }, 30_000);

  test("that refuses is not asked again, and its words are passed on", async () => {
    await using s3 = startTestS3();
    s3.before = () => refusal(403, "SignatureDoesNotMatch");
    const storage = openStorage("s3://backups", accessTo(s3.endpoint));

    await expect((await storage.begin(IDS[0]!)).put("a", manifest)).rejects.toMatchObject({
      code: "BACKUP_STORAGE_FAILED",
      message: expect.stringContaining("SignatureDoesNotMatch"),
    });
    expect(s3.requests).toBe(1);
  });

  test("is swept of old unfinished ones only", async () => {
    await using s3 = startTestS3();
    const storage = openStorage("s3://backups/p", accessTo(s3.endpoint));
    for (const id of [IDS[0]!, IDS[2]!]) await (await storage.begin(id)).put("a", manifest);

    const swept = await storage.sweep(Date.UTC(2026, 10, 24));

    expect(swept).toEqual([IDS[0]!]);
    expect([...s3.objects.keys()]).toEqual([`backups/p/${IDS[2]}/a`]);
  });
});

describe("what was named", () => {
  test("is one backup, or the newest of a place, or nothing", async () => {
    using place = folder();
    const storage = openStorage(place.path, accessOf({}));
    for (const id of IDS.slice(0, 2)) await (await storage.begin(id)).commit(manifest);
    const find = async (from: string) => (await findBackup(from, accessOf({}))).id;

    expect(await find(place.path)).toBe(IDS[1]!);
    expect(await find(`${place.path}/${IDS[0]}`)).toBe(IDS[0]!);
    await expect(find(`${place.path}/${IDS[2]}`)).rejects.toMatchObject({
      code: "BACKUP_NOT_FOUND",
    });
    await expect(find("relative/folder")).rejects.toMatchObject({ code: "INPUT_INVALID" });
    await expect(find("s3://bucket/p")).rejects.toMatchObject({ code: "BACKUP_STORAGE_FAILED" });
  });
});
