/**
 * Goal: the broker is one file that needs nothing else, as its image has it. Method: it is built as the Containerfile does it, started
 * in an empty folder with an empty environment, and gives a run to a runner.
 */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { until } from "../../src/base/until-for-tests.ts";
import type { BrokerStatus } from "../../src/broker/status-api.ts";
import { dispatch } from "./supervisor.ts";

const root = join(import.meta.dir, "../..");
const dir = mkdtempSync(join(tmpdir(), "levain-broker-executable-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test("the executable alone gives a run to a runner, says how it does and drains", async () => {
  const executable = join(dir, "levain-broker");
  const folder = join(dir, "empty");
  mkdirSync(folder);
  const build = Bun.spawnSync([process.execPath, "scripts/broker-executable.ts", executable], {
    cwd: root,
  });
  expect(build.stderr.toString()).toBe("");

  await using child = Bun.spawn([executable, "--json", "--start-hold-ms", "0"], {
    cwd: folder,
    env: { LEVAIN_BROKER_PORT: "0", LEVAIN_BROKER_DISPATCH_PORT: "0" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { value } = await child.stdout.getReader().read();
  const { data } = JSON.parse(new TextDecoder().decode(value));
  const dispatches = `http://127.0.0.1:${data.dispatchPort}`;
  const status = async () => (await (await fetch(`${dispatches}/status`)).json()) as BrokerStatus;
  const answer = fetch(`http://127.0.0.1:${data.port}/warm-start`, {
    headers: {
      "x-trigger-workload-controller-id": "controller_1",
      "x-trigger-deployment-id": "deployment_1",
      "x-trigger-deployment-version": "20260101.1",
      "x-trigger-machine-cpu": "0.5",
      "x-trigger-machine-memory": "0.5",
    },
  });
  await until(async () => (await status()).waiters.parked === 1);
  const verdict = await dispatch(dispatches, {
    key: { deployment: "deployment_1", version: "20260101.1", cpu: 0.5, memory: 0.5 },
    run: "run_1",
    snapshot: "snapshot_1",
  });
  const health = Bun.spawnSync([executable, "status", "--json"], {
    cwd: folder,
    env: { LEVAIN_BROKER_DISPATCH_PORT: `${data.dispatchPort}` },
  });
  child.kill("SIGTERM");

  expect(verdict).toBe("true");
  expect(await (await answer).json()).toMatchObject({ version: "1" });
  expect(health.exitCode).toBe(0);
  expect(JSON.parse(health.stdout.toString()).data).toMatchObject({
    version: manifest.version,
    dispatches: { claimed: 1 },
  });
  expect(await child.exited).toBe(0);
}, 60_000);

test("a user without a name and a home runs it, and it says its version", async () => {
  const executable = join(dir, "levain-broker");
  chmodSync(dir, 0o755);
  const run = (...words: string[]) =>
    Bun.spawnSync([executable, ...words], {
      cwd: "/",
      env: { LEVAIN_BROKER_PORT: "1" },
      // Only root can be somebody else; whoever else runs this has a name.
      ...(process.getuid?.() === 0 ? { uid: 65_532, gid: 65_532 } : {}),
    });

  const status = JSON.parse(run("status", "--json").stdout.toString());
  const version = run("--version");

  expect(status.error.code).toBe("BROKER_NOT_ANSWERING");
  expect(version.stdout.toString()).toBe(`levain ${manifest.version} (Bun ${Bun.version})\n`);
});

test("what the Containerfile copies is there, and its ports are those of the settings", async () => {
  const text = await Bun.file(join(root, "deploy/broker/Containerfile")).text();
  const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = ""]) =>
    paths.split(" "),
  );

  expect(copied.length).toBeGreaterThan(3);
  expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(text).toContain(`oven/bun:${Bun.version} `);
});

test("the commands of the docs name the compose file that is there, and none is lost by its name", async () => {
  const text = await Bun.file(join(root, "docs/warm-starts.md")).text();
  const commands = text.split("\n").filter((line) => line.startsWith("docker compose "));
  const files = commands.map((line) =>
    [...line.matchAll(/-f (\S+)/g)].map(([, file = ""]) => file),
  );

  expect(commands.length).toBeGreaterThan(1);
  for (const [theirs, ours = ""] of files) {
    expect(theirs).toBe("docker-compose.yml");
    expect(existsSync(join(root, "deploy/broker", ours))).toBeTrue();
    // Compose takes these by themselves, and leaves `docker-compose.yml` out.
    expect(["compose.yaml", "compose.yml"]).not.toContain(ours);
  }
});

test("with Compose, dispatches go to an address that runners' networks do not have", async () => {
  const text = await Bun.file(join(root, "deploy/broker/compose.warmstart.yaml")).text();
  const { services } = Bun.YAML.parse(text) as {
    services: Record<string, { networks: object; environment: Record<string, string> }>;
  };
  const { warmstart, supervisor } = services as Record<string, (typeof services)[string]>;
  const network = { "warmstart-dispatch": { ipv4_address: "172.31.250.2" } };

  expect(warmstart!.networks).toEqual({ supervisor: null, ...network });
  expect(Object.keys(supervisor!.networks)).toEqual(Object.keys(network));
  expect(warmstart!.environment).toMatchObject({
    LEVAIN_BROKER_DISPATCH_HOST: "172.31.250.2",
    LEVAIN_BROKER_DISPATCH_PORT: "4004",
  });
  expect(supervisor!.environment).toMatchObject({
    TRIGGER_WARM_START_URL: "http://warmstart:4003",
    TRIGGER_WARM_START_DISPATCH_URL: "http://172.31.250.2:4004",
  });
});

test.each(["compose.warmstart.yaml", "kubernetes.yaml"])(
  "%s is YAML, and its variables are settings",
  async (name) => {
    const { BROKER_VARIABLES } = await import("../../src/broker/broker-settings.ts");
    const text = await Bun.file(join(root, "deploy/broker", name)).text();

    expect(Bun.YAML.parse(text)).toBeTruthy();
    const unknown = [...text.matchAll(/\bLEVAIN_BROKER_[A-Z_]+/g)].filter(
      ([variable]) => BROKER_VARIABLES[variable] === undefined,
    );
    expect(unknown).toEqual([]);
  },
);
