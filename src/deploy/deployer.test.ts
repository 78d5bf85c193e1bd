/** Goal: a branch moves to what answers, or not at all. Method: real uploads and builds; what comes after is passed in. */
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import type { VersionSpec } from "../base/version-spec.ts";
import { RuntimeStore } from "../runtimes/runtime-store.ts";
import { testEnvironments } from "../secrets/environments-for-tests.ts";
import type { LogRecord } from "../telemetry/log-record.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { AppBuilder } from "./build.ts";
import { type DeployEvent, deployEvent, deployQuery, deployResult } from "./deploy-api.ts";
import type { DeployerOptions } from "./deploy-job.ts";
import { Deployer } from "./deployer.ts";
import { TestFolder } from "./folder-for-tests.ts";
import { packSource } from "./pack.ts";
import { unpackSource } from "./unpack.ts";

const folders: TestFolder[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) folder[Symbol.dispose]();
});
const project = (files: Record<string, string> = {}) => {
  const folder = new TestFolder(files);
  folders.push(folder);
  return folder;
};

const hello = { "index.ts": "export default { fetch: () => new Response('hello') };" };
const never = new AbortController().signal;

/** A deployer that notes in `calls` what it asks of the rest of the node. */
const setup = async (overrides: Partial<DeployerOptions> = {}) => {
  const data = project({ "builds/.cache/kept": "" });
  const calls: string[] = [];
  const events: DeployEvent[] = [];
  const records: LogRecord[] = [];
  const versions: VersionSpec[] = [];
  const artifacts = new ArtifactStore({ dir: data.at("artifacts") });
  const deployer = new Deployer({
    dataDir: data.path,
    builder: new AppBuilder({ dataDir: data.path }),
    artifacts,
    runtimes: new RuntimeStore({ dir: data.at("runtimes") }),
    runtimeGate: async () => null,
    environments: testEnvironments(),
    unpack: (upload, folder, signal) => unpackSource(upload, folder, { signal }),
    bootCheck: async (spec) => void calls.push(`boot v${spec.number}`),
    ended() {},
    kept: () => {},
    discard: async (spec) => void calls.push(`discard v${spec.number}`),
    publish: async () => void calls.push("publish"),
    urlOf: (app, target) => `http://${target}--${app}.localhost`,
    platformVersion: "9.9.9",
    log: { write: (record) => void records.push(record) },
    clock: systemClock,
    store: {
      livePackages: async () => null,
      apps: async () => [],
      version: async (app, number) => {
        throw new PlatformError("VERSION_UNKNOWN", [app, `v${number}`]);
      },
      nextVersionNumber: async () => versions.length + 1,
      createVersion: async ({ spec, provenance }) => {
        versions.push(spec);
        calls.push(`create v${spec.number} ${Object.keys(provenance).includes("bun")}`);
      },
      setLive: async ({ version, branch }) => {
        calls.push(`live v${version} ${branch}`);
        return { previous: version > 1 ? version - 1 : null };
      },
      startDeploy: async ({ app }) => {
        calls.push(`start ${app}`);
        return 1;
      },
      finishDeploy: async (_id, outcome) => void calls.push(`finish ${outcome.state}`),
    },
    ...overrides,
  });
  await deployer.sweep();
  const deploy = async (
    files: Record<string, string>,
    query: Record<string, string> = {},
    signal = never,
  ) => {
    const { stream } = await packSource(project(files).path);
    const emit = (event: DeployEvent) => void events.push(event);
    return deployResult.parse(
      await deployer.deploy(stream, deployQuery.parse(query), emit, signal),
    );
  };
  // What builds of all times share is no leftover.
  const left = () =>
    readdirSync(data.at("builds")).filter((name) => ![".cache", ".programs"].includes(name));
  return { deployer, deploy, calls, events, records, versions, artifacts, left, data };
};
const failure = async (promise: Promise<unknown>): Promise<PlatformError> => {
  const error = await promise.then(
    () => null,
    (thrown) => thrown,
  );
  expect(error).toBeInstanceOf(PlatformError);
  return error;
};

describe("a deploy that succeeds", () => {
  test("checks the version before it is created, moves the branch, publishes, and leaves nothing behind", async () => {
    const { deploy, calls, events, records, versions, artifacts, left } = await setup();

    const result = await deploy(hello, {
      app: "shop",
      branch: "Cart/fix",
      message: "why",
      commit: "c0ffee",
    });

    expect(calls).toEqual([
      "start shop",
      "boot v1",
      "create v1 true",
      "live v1 Cart/fix",
      "publish",
      "finish succeeded",
    ]);
    expect(deployResult.parse(result)).toMatchObject({
      app: "shop",
      branch: "Cart/fix",
      version: 1,
      url: "http://Cart/fix--shop.localhost",
      versionUrl: "http://1--shop.localhost",
      previous: null,
    });
    expect(artifacts.has(result.digest)).toBe(true);
    expect(versions[0]).toMatchObject({
      digest: result.digest,
      entry: "index.levain.js",
      app: "shop",
      number: 1,
    });
    expect(events.map((event) => (event.type === "step" ? event.step : event.type))).toEqual([
      "unpack",
      "plan",
      "bundle",
      "artifact",
      "boot",
      "live",
    ]);
    for (const event of events) deployEvent.parse(event);
    expect(records).toMatchObject([
      { event: "deploy", app: "shop", version: 1, stream: "platform" },
    ]);
    expect(left()).toEqual([]);
  });

  test("takes the app's name from the query, the config, package.json or the folder, in this order", async () => {
    const { deploy } = await setup();
    const named = { ...hello, "package.json": '{"name":"@me/From_Package"}' };
    const configured = { ...named, "levain.config.json": '{"name":"from-config"}' };

    expect((await deploy(configured, { app: "from-query", folder: "f" })).app).toBe("from-query");
    expect((await deploy(configured, { folder: "f" })).app).toBe("from-config");
    expect((await deploy(named, { folder: "f" })).app).toBe("from-package");
    expect((await deploy(hello, { folder: "From Folder" })).app).toBe("from-folder");
    expect((await failure(deploy(hello, { folder: "日本" }))).code).toBe("NAME_INVALID");
  });

  test("twice gives two versions of one artifact", async () => {
    const { deploy, artifacts } = await setup();

    const one = await deploy(hello, { app: "shop" });
    const two = await deploy(hello, { app: "shop" });

    expect([two.version, two.previous, two.digest]).toEqual([2, 1, one.digest]);
    expect(await artifacts.list()).toEqual([one.digest]);
  });

  test("of one app waits for another of it", async () => {
    const { deploy, calls } = await setup();

    await Promise.all([deploy(hello, { app: "shop" }), deploy(hello, { app: "shop" })]);

    const order = calls.map((call) => call.split(" ")[0]);
    expect(order.indexOf("finish")).toBeLessThan(order.lastIndexOf("start"));
  });
});

describe("a deploy that fails", () => {
  test.each([
    ["name", { "index.ts": "" }, { app: "No" }, "NAME_INVALID", []],
    ["branch", hello, { app: "shop", branch: "a..b" }, "NAME_INVALID", []],
    [
      "config",
      { ...hello, "levain.config.json": '{"x":1}' },
      { app: "shop" },
      "CONFIG_INVALID",
      [],
    ],
    [
      "build",
      { "index.ts": "const" },
      { app: "shop" },
      "BUILD_FAILED",
      ["start shop", "finish failed"],
    ],
  ])("in its %s moves nothing and leaves nothing", async (_name, files, query, code, expected) => {
    const { deploy, calls, artifacts, left } = await setup();

    const error = await failure(
      deploy(files as Record<string, string>, query as Record<string, string>),
    );

    expect(error.code).toBe(code as never);
    expect(calls).toEqual(expected);
    expect(await artifacts.list()).toEqual([]);
    expect(left()).toEqual([]);
  });

  test("for want of its runtime has built nothing, and lets go of it", async () => {
    const held: string[] = [];
    const { deploy, calls, events } = await setup({
      runtimes: {
        ensure: async (name) => {
          throw new PlatformError("RUNTIME_FETCH_FAILED", [name, "no registry"]);
        },
        hold(name) {
          held.push(name);
          return { [Symbol.dispose]: () => void held.pop() };
        },
      },
    });

    const config = { ...hello, "levain.config.json": '{"runtime":"bun@1.3.14"}' };
    const error = await failure(deploy(config, { app: "shop" }));

    expect(error.code).toBe("RUNTIME_FETCH_FAILED");
    expect(calls).toEqual(["start shop", "finish failed"]);
    expect(events.filter(({ type }) => type === "step").at(-1)).toMatchObject({ step: "runtime" });
    expect(held).toEqual([]);
  });

  test("on a runtime that is too old does not begin", async () => {
    const { deploy, calls } = await setup();

    const config = { ...hello, "levain.config.json": '{"runtime":"bun@1.2.0"}' };

    expect((await failure(deploy(config, { app: "shop" }))).code).toBe("RUNTIME_TOO_OLD");
    expect(calls).toEqual([]);
  });

  test("its boot check keeps its evidence, creates no version and ends the process", async () => {
    const { deploy, calls, records } = await setup({
      bootCheck: async () => {
        throw new PlatformError("BOOT_CRASHED", ["exit code 1"], {
          detail: { lastLines: ["boom"] },
        });
      },
    });

    const error = await failure(deploy(hello, { app: "shop" }));

    expect(error).toMatchObject({ code: "BOOT_CRASHED", detail: { lastLines: ["boom"] } });
    expect(calls).toEqual(["start shop", "discard v1", "finish failed"]);
    expect(records).toMatchObject([
      { event: "deploy", version: null, fields: { code: "BOOT_CRASHED" } },
    ]);
  });

  test("does not hold up the next one", async () => {
    const { deploy } = await setup();

    await Promise.allSettled([deploy({ "index.ts": "const" }, { app: "shop" })]);

    expect((await deploy(hello, { app: "shop" })).version).toBe(1);
  });
});

describe("a client that goes away", () => {
  test("before the version has answered cancels the deploy", async () => {
    const aborter = new AbortController();
    const { deploy, calls, left } = await setup({
      bootCheck: async (_spec, signal) => {
        aborter.abort(new Error("gone"));
        signal.throwIfAborted();
      },
    });

    const error = await failure(deploy(hello, { app: "shop" }, aborter.signal));

    expect(error.code).toBe("DEPLOY_CANCELLED");
    expect(calls).toEqual(["start shop", "discard v1", "finish failed"]);
    expect(left()).toEqual([]);
  });

  test("during the upload is told the same way", async () => {
    const { deploy, left } = await setup();

    const error = await failure(
      deploy(hello, { app: "shop" }, AbortSignal.abort(new Error("gone"))),
    );

    expect(error.code).toBe("DEPLOY_CANCELLED");
    expect(left()).toEqual([]);
  });

  test("once the version exists does not stop it from going live", async () => {
    const aborter = new AbortController();
    const { deploy, calls } = await setup({
      publish: async () => {
        aborter.abort(new Error("gone"));
      },
    });

    const result = await deploy(hello, { app: "shop" }, aborter.signal);

    expect(result.version).toBe(1);
    expect(calls).toContain("finish succeeded");
  });
});

test("sweep() removes what a killed node left and keeps the package manager's cache", async () => {
  const { deployer, data, left } = await setup();
  data.write({ "builds/shop/app/index.ts": "", "builds/.upload-1-1/index.ts": "" });
  data.write({ "builds/.cache/shop/dep/index.js": "" });

  await deployer.sweep();

  expect(left()).toEqual([]);
  expect(existsSync(data.at("builds/.cache/shop/dep/index.js"))).toBe(true);
});
