import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { until } from "../base/until-for-tests.ts";
import { type CordonSource, createCordon } from "./cordon.ts";
import { FileCordon, machinesIn } from "./cordon-file.ts";
import { cordonFileBytesMax } from "./limits.ts";
import type { Cordon } from "./trust-api.ts";

let folder = "";
let cordon: Cordon | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-cordon-"));
});
afterEach(() => {
  cordon?.close();
  cordon = null;
  rmSync(folder, { recursive: true, force: true });
});

function start(
  config: { cordoned?: string[]; cordonFile?: string | null },
  sources?: readonly CordonSource[],
) {
  const notes: string[] = [];
  const changes = { count: 0 };
  const started = createCordon({
    config: { cordoned: [], cordonFile: null, cordonKubernetes: false, ...config },
    clock: systemClock,
    note: (line) => notes.push(line),
    ...(sources === undefined ? {} : { sources }),
  });
  started.onChange(() => (changes.count += 1));
  cordon = started;
  return { cordon: started, notes, changes };
}

test("machines of the configuration are cordoned, a runner without a machine never is", () => {
  const { cordon } = start({ cordoned: ["node-1", ""] });

  expect(cordon.has("node-1")).toBeTrue();
  expect(cordon.has("node-2")).toBeFalse();
  expect(cordon.has("")).toBeFalse();
  expect(cordon.facts()).toEqual({ cordoned: 1, failures: 0, dropped: 0, ageMs: null });
});

describe("a file", () => {
  test("counts together with the configuration, and when it is written or replaced", async () => {
    const path = join(folder, "cordoned");
    writeFileSync(path, "node-2\n");
    const { cordon, changes } = start({ cordoned: ["node-1"], cordonFile: path });
    await until(() => cordon.has("node-2"));

    writeFileSync(join(folder, "next"), "node-3 # its disk\n");
    renameSync(join(folder, "next"), path);
    await until(() => cordon.has("node-3"));

    expect(cordon.has("node-1")).toBeTrue();
    expect(cordon.has("node-2")).toBeFalse();
    expect(changes.count).toBe(2);
  });

  test("that is missing cordons nobody, is said once, and counts from when it is there", async () => {
    const path = join(folder, "cordoned");
    const { cordon, notes } = start({ cordonFile: path });
    await until(() => notes.length === 1);
    expect(notes[0]).toContain(`from ${path}: there is no such file`);

    writeFileSync(path, "node-1\n");
    await until(() => cordon.has("node-1"));
    rmSync(path);
    await until(() => !cordon.has("node-1"));

    expect(notes).toHaveLength(1);
  });

  test("whose folder comes later is found", async () => {
    const { cordon, notes } = start({}, [new FileCordon(join(folder, "later", "cordoned"), 20)]);
    await until(() => notes.length === 1);

    mkdirSync(join(folder, "later"));
    writeFileSync(join(folder, "later", "cordoned"), "node-1");

    await until(() => cordon.has("node-1"));
  });

  test("that a ConfigMap mounts is read again when its links are led elsewhere", async () => {
    const mounted = (version: string, text: string) => {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, "cordoned"), text);
      symlinkSync(version, join(folder, "..data_tmp"));
      renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    };
    mounted("..1", "node-1");
    symlinkSync("..data/cordoned", join(folder, "cordoned"));
    const { cordon } = start({ cordonFile: join(folder, "cordoned") });
    await until(() => cordon.has("node-1"));

    mounted("..2", "node-2");

    await until(() => cordon.has("node-2") && !cordon.has("node-1"));
  });

  test("that cannot be read leaves cordoned what was, and is counted", async () => {
    const path = join(folder, "cordoned");
    writeFileSync(path, "node-1");
    const { cordon, notes } = start({ cordonFile: path });
    await until(() => cordon.has("node-1"));

    writeFileSync(path, "x".repeat(cordonFileBytesMax + 1));
    await until(() => cordon.facts().failures > 0);

    expect(cordon.has("node-1")).toBeTrue();
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(`at most ${cordonFileBytesMax}`);
  });

  test("that is none is not read: a pipe would be read for ever", async () => {
    const path = join(folder, "cordoned");
    Bun.spawnSync(["mkfifo", path]);

    const { cordon, notes } = start({ cordonFile: path });

    await until(() => cordon.facts().failures > 0);
    expect(notes[0]).toContain("it is no file");
  });

  test("is not looked at after close", async () => {
    const path = join(folder, "cordoned");
    const closed = start({ cordonFile: path });
    closed.cordon.close();
    closed.cordon.close();
    const { cordon } = start({ cordonFile: path });

    writeFileSync(path, "node-1");
    await until(() => cordon.has("node-1"));

    expect(closed.cordon.has("node-1")).toBeFalse();
    expect(closed.changes.count).toBe(0);
  });
});

test("names stand one a line; spaces around them, comments and empty lines do not count", () => {
  expect([...machinesIn("# all\n node-1 \r\n\nnode-2#x\n")]).toEqual(["node-1", "node-2"]);
});
