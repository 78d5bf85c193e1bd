/** Goal: a version runs on the Bun that it names, beside others on the node's own. Method: a real Bun of another number, real processes. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { otherRuntime, putOtherBun } from "../../src/runtimes/other-bun-for-tests.ts";
import { ownRuntime } from "../../src/runtimes/runtime-name.ts";
import { RuntimeStore } from "../../src/runtimes/runtime-store.ts";
import { startTestLane, type TestApp, type TestLane } from "../lane-for-tests.ts";

let dir = "";
let testLane: TestLane;
const folder = join(import.meta.dir, "apps");
const on = (runtime: string | null, more: Partial<TestApp> = {}): TestApp => ({
  folder,
  entry: "says-runtime.ts",
  runtime,
  ...more,
});

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "levain-runtimes-"));
  putOtherBun(dir);
  const runtimes = new RuntimeStore({
    dir,
    fetch: async () => {
      throw new Error("nothing is fetched here");
    },
  });
  testLane = startTestLane(
    {
      own: on(null),
      named: on(ownRuntime),
      other: on(otherRuntime),
      sockets: on(otherRuntime, { entry: "answers.ts" }),
      missing: on("bun@1.9.9"),
    },
    { runtimes },
  );
});
afterAll(async () => {
  await testLane.stop();
  rmSync(dir, { recursive: true, force: true });
});

const programOf = async (app: string): Promise<string> => (await testLane.fetch(app, "/")).text();
const otherProgram = () => join(dir, otherRuntime, "bun");

test("each version runs on what it names", async () => {
  const programs = await Promise.all(["own", "named", "other"].map(programOf));

  expect(programs).toEqual([process.execPath, process.execPath, otherProgram()]);
});

test("the runner is made for that Bun, beside it", async () => {
  await programOf("other");

  const [digest = ""] = readdirSync(join(dir, otherRuntime, "runner"));
  expect(readdirSync(join(dir, otherRuntime, "runner", digest)).sort()).toEqual([
    "main.js",
    "main.js.jsc",
  ]);
});

test("it freezes and wakes like any other", async () => {
  const pool = [...testLane.lane.pools.all()].find(({ spec }) => spec.app === "other")!;
  await programOf("other");
  await until(() => pool.freeze());

  expect(await programOf("other")).toBe(otherProgram());
});

test("a spare is no use to it, and stays for the others", async () => {
  await until(() => testLane.lane.spares.ready === 1);
  const [spare] = testLane.lane.spares.pids;

  expect((await testLane.fetch("sockets", "/bytes?count=3")).status).toBe(200);
  expect(testLane.lane.spares.pids).toEqual([spare!]);
});

describe("one that cannot be had", () => {
  test("is what the request is told, and the log", async () => {
    const response = await testLane.fetch("missing", "/");

    expect(response.status).toBe(503);
    expect(await response.text()).toContain("RUNTIME_FETCH_FAILED");
  });
});
