/** Goal: what meets a deploy half-way leaves neither a process nor a hole. Method: the store and the removal are passed in. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { systemClock } from "../base/clock.ts";
import { PlatformError } from "../base/errors.ts";
import { RuntimeStore } from "../runtimes/runtime-store.ts";
import { testEnvironments } from "../secrets/environments-for-tests.ts";
import { ArtifactStore } from "./artifact-store.ts";
import { AppBuilder } from "./build.ts";
import { deployQuery, deployResult } from "./deploy-api.ts";
import type { DeployerOptions } from "./deploy-job.ts";
import { Deployer } from "./deployer.ts";
import { TestFolder } from "./folder-for-tests.ts";
import { deploysMax } from "./limits.ts";
import { packSource } from "./pack.ts";
import { unpackSource } from "./unpack.ts";

const never = new AbortController().signal;

async function setup(data: TestFolder, overrides: Partial<DeployerOptions>) {
  const discarded: number[] = [];
  const artifacts = new ArtifactStore({ dir: data.at("artifacts") });
  const deployer = new Deployer({
    dataDir: data.path,
    builder: new AppBuilder({ dataDir: data.path }),
    artifacts,
    runtimes: new RuntimeStore({ dir: data.at("runtimes") }),
    runtimeGate: async () => null,
    environments: testEnvironments(),
    unpack: (upload, folder, signal) => unpackSource(upload, folder, { signal }),
    bootCheck: async () => {},
    ended() {},
    kept: () => {},
    discard: async (spec) => void discarded.push(spec.number),
    publish: async () => {},
    urlOf: (app) => `http://${app}.localhost`,
    platformVersion: "9.9.9",
    log: { write: () => {} },
    clock: systemClock,
    store: {
      livePackages: async () => null,
      apps: async () => [],
      version: async (app, number) => {
        throw new PlatformError("VERSION_UNKNOWN", [app, `v${number}`]);
      },
      nextVersionNumber: async () => 1,
      createVersion: async () => {},
      setLive: async () => ({ previous: null }),
      startDeploy: async () => 1,
      finishDeploy: async () => {},
    },
    ...overrides,
  });
  await deployer.sweep();
  const deploy = async () => {
    using source = new TestFolder({
      "index.ts": "export default { fetch: () => new Response() };",
    });
    const { stream } = await packSource(source.path);
    const query = deployQuery.parse({ app: "shop" });
    return deployResult.parse(await deployer.deploy(stream, query, () => {}, never));
  };
  return { deployer, deploy, artifacts, discarded };
}

test("a version whose app was deleted before it could go live gives its process back", async () => {
  using data = new TestFolder({});
  const { deploy, discarded } = await setup(data, {
    store: {
      livePackages: async () => null,
      apps: async () => [],
      version: async (app, number) => {
        throw new PlatformError("VERSION_UNKNOWN", [app, `v${number}`]);
      },
      nextVersionNumber: async () => 1,
      createVersion: async () => {},
      setLive: async () => {
        throw new PlatformError("APP_UNKNOWN", ["shop"]);
      },
      startDeploy: async () => 1,
      finishDeploy: async () => {},
    },
  });

  const error = await deploy().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: "APP_UNKNOWN" });
  expect(discarded).toEqual([1]);
});

test("a version that is live and cannot be published yet is a success with a warning", async () => {
  using data = new TestFolder({});
  const { deploy, discarded } = await setup(data, {
    publish: async () => {
      throw new PlatformError("STORE_UNAVAILABLE", ["it is away"]);
    },
  });

  const { version, warnings } = await deploy();

  expect(version).toBe(1);
  expect(warnings.join()).toContain("as soon as the route table can be published");
  expect(discarded).toEqual([]);
});

test("nothing is removed while a deploy is between its artifact and its version", async () => {
  using data = new TestFolder({});
  const { deployer, deploy, artifacts } = await setup(data, {
    bootCheck: async (spec) => {
      await deployer.removeArtifacts([spec.digest]);
      await deployer.removeUnreferenced(async () => new Set());
    },
  });

  const { digest } = await deploy();

  expect(artifacts.has(digest)).toBe(true);
  await deployer.removeUnreferenced(async () => new Set());
  expect(artifacts.has(digest)).toBe(false);
});

test("a deploy that finds the disk full says so, and leaves nothing of its upload", async () => {
  using data = new TestFolder({});
  const { deploy } = await setup(data, {
    async unpack(_upload, folder) {
      await mkdir(folder);
      await appendFile("/dev/full", "x");
    },
  });

  const error = await deploy().catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: "DISK_FULL" });
  expect(readdirSync(data.at("builds"))).toEqual([]);
});

test("uploads that are being unpacked count as deploys, and give their places back when they fail", async () => {
  using data = new TestFolder({});
  const stuck = Promise.withResolvers<never>();
  let unpacking = 0;
  const { deploy } = await setup(data, {
    async unpack() {
      unpacking += 1;
      await stuck.promise;
    },
  });
  const codeOf = (deployed: Promise<unknown>) =>
    deployed.then(
      () => "done",
      (error: PlatformError) => error.code,
    );
  const running = Array.from({ length: deploysMax }, () => codeOf(deploy()));

  // Packing takes a moment of its own, so one of them all may be the one that is too many.
  const codes = [...running, codeOf(deploy())];
  const refused = await Promise.race(codes);
  stuck.reject(new PlatformError("SOURCE_INVALID", ["test"]));
  const all = await Promise.all(codes);

  expect(refused).toBe("DEPLOYS_FULL");
  expect(unpacking).toBe(deploysMax);
  expect(all.filter((code) => code === "SOURCE_INVALID")).toHaveLength(deploysMax);
  expect(await codeOf(deploy())).toBe("SOURCE_INVALID");
});
