import { afterEach, describe, expect, spyOn, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { Header, Pax } from "tar";
import { PlatformError } from "../base/errors.ts";
import { filesIn, TestFolder } from "./folder-for-tests.ts";
import { type UnpackBounds, unpackSource } from "./unpack.ts";

const folders: TestFolder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

const BOUNDS: UnpackBounds = { bytesMax: 1_000_000, filesMax: 20, uploadBytesMax: 1_000_000 };

interface Entry {
  path: string;
  type?: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice" | "FIFO" | "GNUDumpDir";
  body?: string;
  size?: number;
  linkpath?: string;
}

/** A tar as an attacker would write it: heads by hand, nothing checked. */
function tar(entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = "File", body = "", size, linkpath }) => {
    const head = Buffer.alloc(512);
    const long = path.length > 100 ? new Pax({ path }).encode() : Buffer.alloc(0);
    const header = new Header({
      path,
      type,
      size: size ?? Buffer.byteLength(body),
      mode: 0o644,
      ...(linkpath === undefined ? {} : { linkpath }),
    });
    header.encode(head, 0);
    const padding = Buffer.alloc((512 - (Buffer.byteLength(body) % 512)) % 512);
    return [long, head, Buffer.from(body), padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

interface FileHandleLike {
  write(...given: unknown[]): Promise<unknown>;
}

const setup = () => {
  const folder = new TestFolder({ "victim.txt": "untouched" });
  folders.push(folder);
  return folder;
};

/** Bytes in pieces, as they come over a socket. */
const streamOf = (bytes: Uint8Array, pieceBytes = 1000) => {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
};

const never = new AbortController().signal;
const failure = async (promise: Promise<unknown>): Promise<PlatformError> => {
  const error = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(PlatformError);
  return error;
};

describe("an attack", () => {
  const attacks: Record<string, Entry[]> = {
    "an absolute path": [{ path: "/etc/cron.d/x", body: "x" }],
    "a path that leads up": [{ path: "../new.txt", body: "x" }],
    "a path that leads up from below": [{ path: "a/../../new.txt", body: "x" }],
    "a path of dots only": [{ path: "..", body: "x" }],
    "a backslash": [{ path: "..\\victim.txt", body: "x" }],
    "a newline in a name": [{ path: "a\nb", body: "x" }],
    "a file without a name": [{ path: ".", body: "x" }],
    "a symlink": [{ path: "a", type: "SymbolicLink", linkpath: "../victim.txt" }],
    "a write through a symlink": [
      { path: "a", type: "SymbolicLink", linkpath: ".." },
      { path: "a/victim.txt", body: "x" },
    ],
    "a hard link": [{ path: "a", type: "Link", linkpath: "../victim.txt" }],
    "a device": [{ path: "a", type: "CharacterDevice" }],
    "a pipe": [{ path: "a", type: "FIFO" }],
    "an unusual type": [{ path: "a", type: "GNUDumpDir" }],
    "the same file twice": [
      { path: "a", body: "1" },
      { path: "a", body: "2" },
    ],
    "the same file twice, spelled differently": [
      { path: "b/a", body: "1" },
      { path: "./b//a", body: "2" },
    ],
    "a file and then a folder": [
      { path: "a", body: "1" },
      { path: "a/b", body: "2" },
    ],
    "a folder and then a file": [
      { path: "a/b", body: "1" },
      { path: "a", body: "2" },
    ],
    "a name of 300 bytes": [{ path: "n".repeat(300), body: "x" }],
    "a path of 2,000 bytes": [{ path: "d/".repeat(1000), body: "x" }],
    "a size that is larger than what follows": [{ path: "a", size: 5000, body: "short" }],
  };

  for (const [name, entries] of Object.entries(attacks)) {
    test(`${name} is refused and leaves nothing`, async () => {
      const folder = setup();

      const error = await failure(
        unpackSource(streamOf(gzipSync(tar(entries))), folder.at("out"), {
          signal: never,
          bounds: BOUNDS,
        }),
      );

      expect(error.code).toBe("SOURCE_INVALID");
      expect(await filesIn(folder.path)).toEqual({ "victim.txt": "untouched" });
      expect(existsSync(folder.at("out"))).toBe(false);
    });
  }

  test("a random change of any byte never writes outside and never hangs", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state % below;
    };
    const good = tar([
      { path: "src/", type: "Directory" },
      { path: "src/index.ts", body: "x".repeat(700) },
      { path: "package.json", body: "{}" },
    ]);
    const folder = setup();

    for (let round = 0; round < 150; round += 1) {
      const bytes = Buffer.from(good);
      for (let change = 0; change <= random(3); change += 1)
        bytes[random(bytes.length)] = random(256);
      const zipped = gzipSync(bytes);
      if (round % 3 === 0) zipped[random(zipped.length)] = random(256);
      const outcome = await unpackSource(
        streamOf(zipped, 1 + random(600)),
        folder.at(`out${round}`),
        {
          signal: never,
          bounds: BOUNDS,
        },
      ).catch((error) => error);
      if (outcome instanceof Error) expect(outcome, `seed ${seed}`).toBeInstanceOf(PlatformError);
    }

    const outside = readdirSync(folder.path).filter((name) => !name.startsWith("out"));
    expect(outside, `seed ${seed}`).toEqual(["victim.txt"]);
  });
});

describe("the bounds", () => {
  const unpack = (bytes: Uint8Array, bounds: Partial<UnpackBounds>) => {
    const folder = setup();
    return failure(
      unpackSource(streamOf(bytes, 65_536), folder.at("out"), {
        signal: never,
        bounds: { ...BOUNDS, ...bounds },
      }),
    );
  };

  test("a small upload that expands to much is stopped", async () => {
    const bomb = gzipSync(tar([{ path: "a", body: "0".repeat(3_000_000) }]));

    expect(bomb.length).toBeLessThan(20_000);
    expect((await unpack(bomb, {})).code).toBe("SOURCE_TOO_LARGE");
  });

  test("a file that says it is larger than allowed is refused by its head", async () => {
    expect((await unpack(gzipSync(tar([{ path: "a", size: 8e9 }])), {})).code).toBe(
      "SOURCE_TOO_LARGE",
    );
  });

  test("padding after the end is not kept, and not copied", async () => {
    const padded = gzipSync(
      Buffer.concat([tar([{ path: "a", body: "a" }]), Buffer.alloc(8_000_000)]),
    );
    using folder = new TestFolder({});
    const concat = spyOn(Buffer, "concat");
    const done = await unpackSource(streamOf(padded), `${folder.path}/new`, { signal: never });
    const longest = Math.max(
      0,
      ...concat.mock.results.map(({ value }) => (value as Buffer).length),
    );
    concat.mockRestore();

    expect(done.files).toBe(1);
    expect(longest).toBeLessThan(200_000);
  });

  test("padding after the end counts", async () => {
    const bomb = gzipSync(
      Buffer.concat([tar([{ path: "a", body: "1" }]), Buffer.alloc(4_000_000)]),
    );

    expect((await unpack(bomb, {})).code).toBe("SOURCE_TOO_LARGE");
  });

  test("files, folders and sent bytes are counted", async () => {
    const many = Array.from({ length: 30 }, (_, index) => ({ path: `f${index}`, body: "" }));
    const deep = Array.from({ length: 3 }, (_, index) => ({
      path: `${index}/`.repeat(15),
      type: "Directory" as const,
    }));
    const noise = crypto.getRandomValues(Buffer.alloc(50_000)).toString("hex");

    expect((await unpack(gzipSync(tar(many)), {})).code).toBe("SOURCE_TOO_MANY_FILES");
    expect((await unpack(gzipSync(tar(deep)), {})).code).toBe("SOURCE_TOO_MANY_FILES");
    expect(
      (await unpack(gzipSync(tar([{ path: "a", body: noise }])), { uploadBytesMax: 20_000 })).code,
    ).toBe("SOURCE_TOO_LARGE");
  });
});

test("is done only when every file is whole, also one that is written later than those behind it", async () => {
  const folder = setup();
  await using file = await open(folder.at("victim.txt"));
  const FileHandle: FileHandleLike = Object.getPrototypeOf(file);
  const write = FileHandle.write;
  const waiting = Promise.withResolvers<void>();
  let writes = 0;
  using _ = spyOn(FileHandle, "write").mockImplementation(async function (this: unknown, ...given) {
    writes += 1;
    if (writes === 1) await waiting.promise;
    if (writes === 3) setTimeout(waiting.resolve, 50);
    return await write.apply(this, given);
  });
  const entries = ["first", "second", "third"].map((path) => ({ path, body: path }));

  await unpackSource(streamOf(gzipSync(tar(entries))), folder.at("source"), {
    signal: new AbortController().signal,
  });

  expect(writes).toBe(3);
  expect(readFileSync(folder.at("source", "first"), "utf8")).toBe("first");
});

describe("an upload that is not whole", () => {
  const good = gzipSync(
    tar([{ path: "a.ts", body: crypto.getRandomValues(Buffer.alloc(20_000)).toString("hex") }]),
  );

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["text", Buffer.from("hello")],
    ["half of it", good.subarray(0, good.length / 2)],
    ["a tar that is not gzipped", tar([{ path: "a", body: "1" }])],
    ["gzip in gzip", gzipSync(good)],
    ["an empty tar", gzipSync(Buffer.alloc(1024))],
    ["noise", gzipSync(crypto.getRandomValues(Buffer.alloc(5000)))],
  ])("%s is refused", async (_name, bytes) => {
    const folder = setup();

    const error = await failure(unpackSource(streamOf(bytes), folder.at("out"), { signal: never }));

    expect(error.code).toBe("SOURCE_INVALID");
    expect(existsSync(folder.at("out"))).toBe(false);
  });

  test("a client that goes away leaves nothing, and its upload is cancelled", async () => {
    const folder = setup();
    const aborter = new AbortController();
    let isCancelled = false;
    const upload = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(good.subarray(0, 30_000)),
      cancel: () => {
        isCancelled = true;
      },
    });

    const unpacking = unpackSource(upload, folder.at("out"), { signal: aborter.signal }).catch(
      (error) => error,
    );
    while (!existsSync(folder.at("out/a.ts"))) await Bun.sleep(1);
    aborter.abort(new Error("gone"));

    expect((await unpacking).message).toBe("gone");
    expect(existsSync(folder.at("out"))).toBe(false);
    expect(isCancelled).toBe(true);
  });

  test("an error of the upload itself is passed on", async () => {
    const folder = setup();
    const upload = new ReadableStream<Uint8Array>({
      pull: () => Promise.reject(new PlatformError("REQUEST_TIMEOUT", [5])),
    });

    expect((await failure(unpackSource(upload, folder.at("out"), { signal: never }))).code).toBe(
      "REQUEST_TIMEOUT",
    );
    expect(existsSync(folder.at("out"))).toBe(false);
  });
});
