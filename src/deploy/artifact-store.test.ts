import { afterEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { ArtifactStore } from "./artifact-store.ts";
import { filesIn, TestFolder } from "./folder-for-tests.ts";

const folders: TestFolder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});

const project = (files: Record<string, string> = {}) => {
  const folder = new TestFolder(files);
  folders.push(folder);
  return folder;
};
const setup = () => {
  const folder = project();
  return { dir: folder.at("artifacts"), store: new ArtifactStore({ dir: folder.at("artifacts") }) };
};
const digestOf = async (folder: TestFolder) => (await setup().store.add(folder.path)).digest;
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error) => error,
  );

describe("adding", () => {
  test("keeps bytes and executable bits, read-only", async () => {
    const { store } = setup();
    const folder = project({ "a/b.txt": "b", "run.sh": "#!/bin/sh", empty: "" });
    chmodSync(folder.at("run.sh"), 0o700);
    mkdirSync(folder.at("nothing"));

    const added = await store.add(folder.path);

    const files = store.path(added.digest);
    expect(added).toMatchObject({ files: 3, bytes: 10 });
    expect(await filesIn(files)).toEqual({ "a/b.txt": "b", empty: "", "run.sh*": "#!/bin/sh" });
    expect(statSync(`${files}/a/b.txt`).mode & 0o777).toBe(0o444);
    expect(statSync(`${files}/run.sh`).mode & 0o777).toBe(0o555);
    expect(readdirSync(files)).not.toContain("nothing");
    expect(await store.verify(added.digest)).toEqual([]);
  });

  test("the same files give the same digest, whatever the order, the dates and the permissions", async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let state = seed;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    for (let round = 0; round < 10; round += 1) {
      const files = Array.from({ length: 1 + Math.floor(random() * 12) }, (_, index) => [
        `${random() < 0.5 ? "d/" : ""}f${index}${random() < 0.3 ? "é" : ""}`,
        "x".repeat(Math.floor(random() * 5000)),
      ]);
      const one = project(Object.fromEntries(files));
      const two = project(Object.fromEntries(files.toSorted(() => random() - 0.5)));
      for (const [path = ""] of files) {
        utimesSync(two.at(path), 1000 * random(), 1000 * random());
        chmodSync(two.at(path), random() < 0.5 ? 0o600 : 0o644);
      }
      expect(await digestOf(two), `seed ${seed}`).toBe(await digestOf(one));
    }
  });

  test("a byte, a name, an executable bit or a link makes another digest", async () => {
    const folder = project({ a: "1", b: "2" });
    const seen = new Set([await digestOf(folder)]);
    const changes = [
      () => writeFileSync(folder.at("a"), "3"),
      () => folder.write({ c: "" }),
      () => chmodSync(folder.at("b"), 0o755),
      () => symlinkSync("a", folder.at("link")),
      () => {
        rmSync(folder.at("link"));
        symlinkSync("b", folder.at("link"));
      },
    ];

    for (const change of changes) {
      change();
      seen.add(await digestOf(folder));
    }

    expect(seen.size).toBe(changes.length + 1);
  });

  test("twice, also at once, keeps one artifact and nothing else", async () => {
    const { store, dir } = setup();
    const folder = project({ a: "1" });

    const added = await Promise.all([1, 2, 3, 4].map(() => store.add(folder.path)));
    await store.add(folder.path);

    expect(new Set(added.map(({ digest }) => digest)).size).toBe(1);
    expect(readdirSync(dir)).toEqual([added[0]!.digest]);
  });

  test("what is there but has lost a file is replaced", async () => {
    const { store } = setup();
    const folder = project({ a: "1", b: "2" });
    const { digest } = await store.add(folder.path);
    rmSync(`${store.path(digest)}/a`);
    expect(await store.verify(digest)).toEqual(["a: it is missing"]);

    await store.add(folder.path);

    expect(await store.verify(digest)).toEqual([]);
  });

  test("leaves out what it is told to", async () => {
    const { store } = setup();
    const folder = project({ "node_modules/a/i.js": "", "src/i.ts": "", ".env": "" });

    const { digest } = await store.add(folder.path, {
      leaveOut: (path, isFolder) => (isFolder ? path === "node_modules" : path === ".env"),
    });

    expect(Object.keys(await filesIn(store.path(digest)))).toEqual(["src/i.ts"]);
  });

  test("links inside stay links, absolute ones become relative, others are refused", async () => {
    const { store } = setup();
    const folder = project({ "packages/a/i.ts": "a", "node_modules/x": "" });
    symlinkSync("../packages/a", folder.at("node_modules/a"));
    symlinkSync(folder.at("packages/a"), folder.at("node_modules/b"));

    const files = store.path((await store.add(folder.path)).digest);

    expect(readFileSync(`${files}/node_modules/a/i.ts`, "utf8")).toBe("a");
    expect(readFileSync(`${files}/node_modules/b/i.ts`, "utf8")).toBe("a");
    symlinkSync("../../../etc/passwd", folder.at("node_modules/c"));
    expect((await failure(store.add(folder.path))).message).toContain("outside of the project");
  });

  test("more bytes or files than allowed are refused and leave nothing", async () => {
    const { store, dir } = setup();
    const folder = project({ a: "x".repeat(600), b: "y".repeat(600) });

    const large = await failure(
      store.add(folder.path, { bounds: { bytesMax: 1000, filesMax: 9 } }),
    );
    const many = await failure(store.add(folder.path, { bounds: { bytesMax: 9999, filesMax: 1 } }));

    expect([large.code, many.code]).toEqual(["ARTIFACT_TOO_LARGE", "BUILD_FAILED"]);
    expect(existsSync(dir) ? readdirSync(dir) : []).toEqual([]);
  });

  test("that is aborted leaves nothing", async () => {
    const { store, dir } = setup();
    const folder = project({ a: "1" });

    const error = await failure(
      store.add(folder.path, { signal: AbortSignal.abort(new Error("gone")) }),
    );

    expect(error.message).toBe("gone");
    expect(readdirSync(dir)).toEqual([]);
  });
});

describe("an artifact", () => {
  test("that is not there is ARTIFACT_MISSING, whatever it is called", async () => {
    const { store } = setup();

    for (const digest of ["0".repeat(64), "..", "../x", ""]) {
      expect(store.has(digest)).toBe(false);
      expect(() => store.path(digest)).toThrow("not in the artifact store");
      await store.remove(digest);
    }
  });

  test("of which a byte has changed does not verify", async () => {
    const { store, dir } = setup();
    const { digest } = await store.add(project({ a: "1234" }).path);
    const path = `${store.path(digest)}/a`;
    chmodSync(path, 0o644);
    writeFileSync(path, "1235");

    expect(await store.verify(digest)).toEqual(["a: its bytes have changed"]);
    chmodSync(`${dir}/${digest}/manifest.json`, 0o644);
    writeFileSync(`${dir}/${digest}/manifest.json`, "{}");
    expect((await store.verify(digest))[0]).toContain("manifest.json");
  });

  test("is listed until it is removed", async () => {
    const { store } = setup();
    const one = await store.add(project({ a: "1" }).path);
    const two = await store.add(project({ a: "2" }).path);
    expect(await store.list()).toEqual([one.digest, two.digest].sort());

    await store.remove(one.digest);

    expect(await store.list()).toEqual([two.digest]);
    expect(store.has(one.digest)).toBe(false);
  });
});

describe("sweep()", () => {
  test("removes what a crash left and keeps what is whole", async () => {
    const { store, dir } = setup();
    const { digest } = await store.add(project({ a: "1" }).path);
    mkdirSync(`${dir}/.staging-x/files`, { recursive: true });
    mkdirSync(`${dir}/.trash-y`);

    await store.sweep();

    expect(readdirSync(dir)).toEqual([digest]);
  });

  test("removes what nothing refers to when it is told what is referred to", async () => {
    const { store } = setup();
    const one = await store.add(project({ a: "1" }).path);
    await store.add(project({ a: "2" }).path);

    await store.sweep(new Set([one.digest]));

    expect(await store.list()).toEqual([one.digest]);
  });
});

test("a process that is killed while it adds leaves no artifact that is not whole", async () => {
  const { store, dir } = setup();
  const folder = project(
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, "x".repeat(3000)])),
  );
  const script = `
    import { ArtifactStore } from ${JSON.stringify(`${import.meta.dir}/artifact-store.ts`)};
    const store = new ArtifactStore({ dir: ${JSON.stringify(dir)} });
    await store.add(${JSON.stringify(folder.path)});
    console.log("added");`;

  for (const files of [1, 100, 250]) {
    const child = Bun.spawn([process.execPath, "-e", script], {
      stdout: "ignore",
      stderr: "inherit",
    });
    const copied = () =>
      (existsSync(dir) ? readdirSync(dir) : [])
        .filter((name) => name.startsWith(".staging-"))
        .some(
          (name) =>
            existsSync(`${dir}/${name}/files`) &&
            readdirSync(`${dir}/${name}/files`).length >= files,
        );
    while (!copied() && child.exitCode === null) await Bun.sleep(0);
    child.kill("SIGKILL");
    await child.exited;

    for (const digest of await store.list()) expect(await store.verify(digest)).toEqual([]);
    await store.sweep(new Set());
    expect(readdirSync(dir)).toEqual([]);
  }
});
