import { afterEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PlatformError } from "../base/errors.ts";
import { testSpec } from "../base/version-spec-for-tests.ts";
import type { RouteTable } from "../router/route-table.ts";
import { waitUntil } from "./admin-deps-for-tests.ts";
import { Publisher } from "./publisher.ts";

const folders: string[] = [];
const publishers: Publisher[] = [];

afterEach(async () => {
  for (const publisher of publishers.splice(0)) await publisher.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A store that counts its reads, and whose next read can be made to wait or to fail. */
function setup() {
  const dataDir = mkdtempSync(join(tmpdir(), "levain-publisher-"));
  folders.push(dataDir);
  const applied: number[] = [];
  const notes: string[] = [];
  const state = { revision: 0, reads: 0, gate: Promise.resolve(), errors: [] as Error[] };
  const publisher = new Publisher({
    dataDir,
    store: {
      async routeTable() {
        state.reads += 1;
        const { revision } = state;
        await state.gate;
        const error = state.errors.shift();
        if (error !== undefined) throw error;
        return table(revision);
      },
    },
    apply: (published) => void applied.push(published.revision),
    note: (line) => notes.push(line),
  });
  publishers.push(publisher);
  return { dataDir, path: join(dataDir, "route-table.json"), applied, notes, state, publisher };
}

function table(revision: number): RouteTable {
  const spec = testSpec({ env: { COLOR: "red" } });
  const branches = { main: { label: "main", live: 1 }, next: { label: "next", live: null } };
  return { revision, apps: { shop: { branches, versions: { "1": spec } } } };
}

test("publish() reads the store, keeps the table on disk for its owner only, and applies it", async () => {
  const { path, applied, state, publisher } = setup();
  state.revision = 7;

  await publisher.publish();

  expect(applied).toEqual([7]);
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(table(7));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(existsSync(`${path}.new`)).toBe(false);
});

test("a call during a run gets a run that read the store after it, shared with others", async () => {
  const { applied, state, publisher } = setup();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  state.revision = 1;
  const first = publisher.publish();
  state.revision = 2;
  const second = publisher.publish();
  const third = publisher.publish();

  gate.resolve();
  await Promise.all([first, second, third]);

  expect(applied).toEqual([1, 2]);
  expect(state.reads).toBe(2);
});

test("a failed run tells its caller, leaves the table in effect, and is tried again", async () => {
  const { path, applied, notes, state, publisher } = setup();
  await publisher.publish();
  state.revision = 5;
  state.errors.push(new PlatformError("STORE_UNAVAILABLE", ["connection refused"]));

  await expect(publisher.publish()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect(JSON.parse(readFileSync(path, "utf8")).revision).toBe(0);
  expect(applied).toEqual([0]);

  await waitUntil(() => applied.length === 2, "it was tried again");
  expect(applied).toEqual([0, 5]);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toContain("connection refused");
});

test("a call that waits behind a failing run gets the result of its own run", async () => {
  const { applied, state, publisher } = setup();
  state.errors.push(new Error("gone"));
  const first = publisher.publish();
  const second = publisher.publish();

  await expect(first).rejects.toMatchObject({ code: "INTERNAL" });
  await second;

  expect(applied).toEqual([0]);
});

test("a closed publisher starts no run", async () => {
  const { applied, publisher } = setup();

  await publisher.close();
  await publisher.close();

  await expect(publisher.publish()).rejects.toMatchObject({ code: "NODE_DRAINING" });
  expect(applied).toEqual([]);
});

test("the table on disk is what was published, for a start without the store", async () => {
  const { notes, state, publisher } = setup();
  expect(await publisher.loadFromDisk()).toBeNull();
  state.revision = 3;
  await publisher.publish();

  expect(await publisher.loadFromDisk()).toEqual(table(3));
  expect(notes).toEqual([]);
});

test("a table that an earlier release wrote is read", async () => {
  const { path, publisher } = setup();
  const written = JSON.stringify(table(3));
  writeFileSync(
    path,
    written.replace('"instances":{"min":1,"max":1},', "").replace(',"requestsMax":0', ""),
  );
  expect(readFileSync(path, "utf8").length).toBeLessThan(written.length);

  expect(await publisher.loadFromDisk()).toEqual(table(3));
});

test("a damaged file is set aside, said, and not used", async () => {
  const valid = JSON.stringify(table(1));
  const damages = [
    "",
    valid.slice(0, 40),
    "null",
    valid.replace('"index.js"', "7"),
    valid.replace("a".repeat(64), "../../etc"),
  ];

  for (const damage of damages) {
    const { path, notes, publisher } = setup();
    writeFileSync(path, damage);

    expect(await publisher.loadFromDisk(), damage).toBeNull();

    expect(notes, damage).toHaveLength(1);
    expect(notes[0]).toContain(`${path}.damaged`);
    expect(readFileSync(`${path}.damaged`, "utf8")).toBe(damage);
    expect(existsSync(path)).toBe(false);
  }
});

test("a table that cannot be written to disk is applied all the same, and written when it can be", async () => {
  const { applied, notes, path, publisher, state, dataDir } = setup();
  state.revision = 7;
  // A folder where the staged file has to go: every write fails.
  mkdirSync(join(dataDir, "route-table.json.new"));

  await publisher.publish();

  expect(applied).toEqual([7]);
  expect(notes).toHaveLength(1);
  rmSync(join(dataDir, "route-table.json.new"), { recursive: true });
  await waitUntil(() => existsSync(path), "the table is on disk");
});
