/**
 * Goal: `levain broker` runs, says where, can be asked and switched, drains at SIGTERM, and refuses what cannot be. Method: real
 * processes and sockets; polls and dispatches as plain requests.
 */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../base/until-for-tests.ts";
import type { BrokerStatus } from "../broker/status-api.ts";
import { type CliRun, cli, spawnCli } from "./cli-process-for-tests.ts";

const dir = mkdtempSync(join(tmpdir(), "levain-broker-"));
const ended: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});
afterAll(() => rmSync(dir, { recursive: true }));

interface Started {
  child: ReturnType<typeof spawnCli>;
  port: number;
  dispatchPort: number;
  /** Of standard error, parsed; grows. */
  log: Record<string, unknown>[];
}

/** @param unread descriptor that the log goes to; nobody reads it */
async function start(
  words: string[] = [],
  env: Record<string, string> = {},
  unread?: number,
): Promise<Started> {
  const options = unread === undefined ? { env } : { env, stderr: unread };
  const child = spawnCli(["broker", "--json", "--port", "0", ...words], options);
  ended.push(async () => {
    child.kill("SIGKILL");
    await child.exited;
  });
  const log: Record<string, unknown>[] = [];
  const readLog = async () => {
    let rest = "";
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) log.push(JSON.parse(line));
    }
  };
  if (unread === undefined) void readLog();
  let text = "";
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  const { ok, command, data } = JSON.parse(text);
  expect({ ok, command }).toEqual({ ok: true, command: "broker" });
  return { child, port: data.port, dispatchPort: data.dispatchPort, log };
}

function message(snapshot: string, deployment = "deployment_shop"): string {
  const dequeuedMessage = {
    version: "1",
    snapshot: {
      id: "s",
      friendlyId: snapshot,
      executionStatus: "PENDING_EXECUTING",
      description: "",
      createdAt: "2026-01-01T00:00:00.000Z",
    },
    dequeuedAt: "2026-01-01T00:00:00.000Z",
    completedWaitpoints: [],
    backgroundWorker: { id: "w", friendlyId: "worker_1", version: "20260101.1" },
    deployment: { friendlyId: deployment },
    run: {
      id: "r",
      friendlyId: "run_1",
      isTest: false,
      machine: { name: "small-1x", cpu: 0.5, memory: 0.5, centsPerMs: 0 },
      attemptNumber: 1,
      masterQueue: "q",
      traceContext: {},
    },
    environment: { id: "e", type: "PRODUCTION" },
    organization: { id: "o" },
    project: { id: "p" },
  };
  return JSON.stringify({ dequeuedMessage });
}

function poll(port: number, controller = "controller_1"): Promise<Response> {
  return fetch(`http://127.0.0.1:${port}/warm-start`, {
    headers: {
      "x-trigger-workload-controller-id": controller,
      "x-trigger-deployment-id": "deployment_shop",
      "x-trigger-deployment-version": "20260101.1",
      "x-trigger-machine-cpu": "0.5",
      "x-trigger-machine-memory": "0.5",
    },
  });
}

async function dispatch(port: number, snapshot: string, deployment?: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/warm-start`, {
    method: "POST",
    headers: { "content-type": "application/json", traceparent: "00-trace-span-01" },
    body: message(snapshot, deployment),
  });
  return ((await response.json()) as { didWarmStart: boolean }).didWarmStart;
}

async function statusOf(port: number): Promise<BrokerStatus> {
  return (await fetch(`http://127.0.0.1:${port}/status`)).json() as Promise<BrokerStatus>;
}

function failureOf({ code, stdout }: CliRun) {
  const { error } = JSON.parse(stdout);
  return { exit: code, code: error.code as string, message: error.message as string };
}

describe("levain broker", () => {
  test("gives a run to a runner that waits, logs it, and drains at SIGTERM with exit 0", async () => {
    const { child, port, log } = await start(["--start-hold-ms", "0", "--drain-ms", "100"]);
    const answer = poll(port);
    await until(async () => (await statusOf(port)).waiters.parked === 1);

    const hit = await dispatch(port, "snapshot_1");
    const miss = await dispatch(port, "snapshot_2", "deployment_other");
    const got = (await (await answer).json()) as { snapshot: { friendlyId: string } };
    const waits = poll(port).catch((error: Error) => error);
    await until(async () => (await statusOf(port)).waiters.parked === 1);
    child.kill("SIGTERM");

    expect([hit, miss]).toEqual([true, false]);
    expect(got.snapshot.friendlyId).toBe("snapshot_1");
    expect(await waits).toBeInstanceOf(Error);
    expect(await child.exited).toBe(0);
    expect(log.filter(({ event }) => event === "dispatch")).toMatchObject([
      {
        level: "info",
        didWarmStart: true,
        mode: "claimed",
        snapshot: "snapshot_1",
        run: "run_1",
        deployment: "deployment_shop",
        cpu: "0.5",
        controller: "controller_1",
        traceparent: "00-trace-span-01",
      },
      { didWarmStart: false, reason: "no_waiter", deployment: "deployment_other", mode: null },
    ]);
  });

  test("at level warn no line comes of a dispatch", async () => {
    const { child, port, log } = await start(["--log-level", "warn", "--start-hold-ms", "0"]);

    await dispatch(port, "snapshot_1");
    child.kill("SIGTERM");
    await child.exited;

    expect(log.filter(({ event }) => event === "dispatch")).toEqual([]);
  });

  test("answers, and ends at SIGTERM, though nobody takes its log", async () => {
    const path = join(dir, "log");
    Bun.spawnSync(["mkfifo", path]);
    const unread = openSync(path, "r+");
    ended.push(async () => closeSync(unread));
    const { child, port } = await start(["--start-hold-ms", "0"], {}, unread);

    // More than a pipe holds, 64 KiB.
    for (let round = 0; round < 30; round++) {
      const misses = Array.from({ length: 20 }, (_, index) =>
        dispatch(port, `snapshot_${round}_${index}`),
      );
      expect(await Promise.all(misses)).not.toContain(true);
    }
    child.kill("SIGTERM");

    expect(await child.exited).toBe(0);
  });

  test("ends at once at a second signal, whoever waits", async () => {
    const { child, port } = await start(["--drain-ms", "600000"]);
    const waits = poll(port).catch(() => null);
    await until(async () => (await statusOf(port)).waiters.parked === 1);

    child.kill("SIGTERM");
    // It listens no more: the first signal was heard.
    await until(() =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    child.kill("SIGTERM");

    expect(await child.exited).toBe(130);
    await waits;
  });

  test("a port that something listens on is refused, also one of another broker", async () => {
    const { port, dispatchPort } = await start(["--dispatch-port", "0"]);

    const second = await cli(["broker", "--json", "--port", `${port}`]);
    const other = await cli([
      "broker",
      "--json",
      "--port",
      "0",
      "--dispatch-port",
      `${dispatchPort}`,
    ]);

    expect(failureOf(second)).toMatchObject({ exit: 1, code: "PORT_IN_USE" });
    expect(failureOf(second).message).toContain(`port ${port} is in use`);
    expect(failureOf(other).message).toContain(`dispatchPort ${dispatchPort} is in use`);
  });

  test("a successor that says so listens beside it, and has all who come after its end", async () => {
    const first = await start();
    const second = spawnCli([
      "broker",
      "--json",
      "--port",
      `${first.port}`,
      "--share-port",
      "true",
    ]);
    ended.push(async () => {
      second.kill("SIGKILL");
      await second.exited;
    });
    await second.stdout.getReader().read();

    first.child.kill("SIGTERM");

    expect(await first.child.exited).toBe(0);
    expect((await statusOf(first.port)).pid).toBe(second.pid);
  });

  test("everything that cannot be is said at once, with exit 2, and no secret is shown", async () => {
    const run = await cli(["broker", "--json", "--offers-max", "0", "--peers", "a"], {
      env: { LEVAIN_BROKER_TOKEN_SECRET: "hunter2", LEVAIN_BROKER_PROT: "1" },
    });

    const { error } = JSON.parse(run.stdout);
    expect(run.code).toBe(2);
    expect(error.code).toBe("BROKER_CONFIG_INVALID");
    expect(error.detail.problems).toHaveLength(4);
    expect(run.stdout + run.stderr).not.toContain("hunter2");
  });

  test("an address that this machine does not have is named", async () => {
    const run = await cli(["broker", "--json", "--host", "192.0.2.1"]);

    expect(failureOf(run)).toMatchObject({ exit: 2, code: "BROKER_CONFIG_INVALID" });
    expect(failureOf(run).message).toContain("192.0.2.1");
  });

  test("its secrets are gone from what the kernel shows of it", async () => {
    const secret = "a secret that nobody may see";
    const { child } = await start([], { LEVAIN_BROKER_DISPATCH_TOKEN: secret });

    const shown = ["environ", "cmdline"].map((name) => {
      try {
        return readFileSync(`/proc/${child.pid}/${name}`, "latin1");
      } catch {
        // Closed to this user altogether.
        return "";
      }
    });

    expect(shown.join("")).not.toContain(secret);
  });

  test("with no descriptor left for runners, supervisors get their answer", async () => {
    const words = `${process.execPath} ${join(import.meta.dir, "cli-for-tests.ts")} broker --json`;
    const child = Bun.spawn(
      ["sh", "-c", `ulimit -n 100; exec ${words} --port 0 --dispatch-port 0 --start-hold-ms 0`],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    ended.push(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    const { value } = await child.stdout.getReader().read();
    const { port, dispatchPort } = JSON.parse(new TextDecoder().decode(value)).data;
    const socket = { data() {}, error() {} };

    // Those that are turned away may learn it while they connect.
    const runners = await Promise.allSettled(
      Array.from({ length: 150 }, () => Bun.connect({ hostname: "127.0.0.1", port, socket })),
    );
    await until(async () => (await statusOf(dispatchPort)).server.turnedAway === 100);

    expect(await dispatch(dispatchPort, "snapshot_1")).toBe(false);
    for (const runner of runners) if (runner.status === "fulfilled") runner.value.terminate();
  });

  test("goes on when nobody reads its log", async () => {
    const child = spawnCli(["broker", "--json", "--port", "0", "--start-hold-ms", "0"]);
    ended.push(async () => {
      child.kill("SIGKILL");
      await child.exited;
    });
    const { value } = await child.stdout.getReader().read();
    const { port } = JSON.parse(new TextDecoder().decode(value)).data;
    const long = "x".repeat(190);

    // Twice what a pipe holds.
    const answers: boolean[] = [];
    for (let index = 0; index < 300; index += 1) {
      answers.push(await dispatch(port, `${long}${index}`, long));
    }

    expect(answers.every((answer) => !answer)).toBe(true);
    expect((await statusOf(port)).dispatches.misses.no_waiter).toBe(300);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

describe("levain broker status, on and off", () => {
  test("status shows hits, misses and who waits within 80 columns", async () => {
    const { port } = await start(["--start-hold-ms", "0"]);
    const url = `http://127.0.0.1:${port}`;
    const waits = [poll(port, "controller_1"), poll(port, "controller_2")];
    await until(async () => (await statusOf(port)).waiters.parked === 2);
    await dispatch(port, "snapshot_1");
    await dispatch(port, "snapshot_2", "deployment_other");

    const { code, stdout } = await cli(["broker", "status"], { env: { LEVAIN_BROKER_URL: url } });
    const json = await cli(["broker", "status", "--url", url, "--json"]);

    expect(code).toBe(0);
    expect(stdout).toContain("the last was for deployment_other 20260101.1, CPU 0.5, GB 0.5");
    expect(stdout).toContain("the nearest runner waits with deployment deployment_shop");
    expect(stdout).toContain("hit rate  50.0 %: 1 of 2 dispatches");
    expect(stdout).toContain("misses    1  no_waiter: no runner waited");
    expect(stdout).toContain("waiting   1 of 50,000 runners for 1 key");
    expect(stdout).toMatch(/^deployment_shop +20260101.1 +0.5 +0.5 +1$/m);
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(JSON.parse(json.stdout).data).toMatchObject({ port, waiters: { parked: 1, keys: 1 } });
    void Promise.allSettled(waits);
  });

  test("off has runners go home and dispatches miss, off --now also those who wait, on undoes it", async () => {
    const { port, dispatchPort } = await start(["--dispatch-port", "0", "--start-hold-ms", "0"]);
    const at = ["--url", `http://127.0.0.1:${dispatchPort}`];
    const connect = async () => (await fetch(`http://127.0.0.1:${port}/connect`)).json();
    const waits = poll(port);
    await until(async () => (await statusOf(dispatchPort)).waiters.parked === 1);

    expect((await cli(["broker", "off", ...at])).code).toBe(0);
    expect(await connect()).toEqual({ connectionTimeoutMs: 0, keepaliveMs: 0 });
    expect(await dispatch(dispatchPort, "snapshot_1")).toBe(false);
    expect((await cli(["broker", "off", "--now", ...at])).code).toBe(0);
    expect((await waits).status).toBe(410);
    expect((await cli(["broker", "on", ...at])).code).toBe(0);
    expect(await connect()).toEqual({ connectionTimeoutMs: 30_000, keepaliveMs: 300_000 });
  });

  test("on one port without a token nobody can switch it, since runners reach that port", async () => {
    const { port } = await start();

    const run = await cli(["broker", "off", "--json", "--url", `http://127.0.0.1:${port}`]);

    expect(failureOf(run)).toMatchObject({ exit: 1, code: "BROKER_CONTROL_CLOSED" });
  });

  test("with a dispatch token status and control need it, from a variable or a file", async () => {
    const token = "0123456789abcdef";
    const path = join(dir, "token");
    writeFileSync(path, `${token}\n`);
    const { port } = await start(["--dispatch-token-file", path]);
    const at = ["--url", `http://127.0.0.1:${port}`];

    const without = await cli(["broker", "status", "--json", ...at]);
    const withVariable = await cli(["broker", "off", ...at], {
      env: { LEVAIN_BROKER_DISPATCH_TOKEN: token },
    });
    const withFile = await cli(["broker", "status", "--dispatch-token-file", path, ...at]);

    expect(failureOf(without)).toMatchObject({ exit: 1, code: "BROKER_TOKEN_WRONG" });
    expect([withVariable.code, withFile.code]).toEqual([0, 0]);
  });

  test("what is no broker, and nothing at all, is told apart", async () => {
    using other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    const at = (port: number | undefined) => ["--json", "--url", `http://127.0.0.1:${port}`];

    const foreign = failureOf(await cli(["broker", "status", ...at(other.port)]));
    await other.stop(true);
    const nothing = failureOf(await cli(["broker", "status", ...at(other.port)]));

    expect(foreign).toMatchObject({ exit: 1, code: "BROKER_NOT_ANSWERING" });
    expect(foreign.message).toContain("it answered 200");
    expect(nothing).toMatchObject({ exit: 1, code: "BROKER_NOT_ANSWERING" });
  });

  test.each([
    ["--now without off", ["broker", "on", "--now"]],
    ["an action that is none", ["broker", "restart"]],
    ["an address without an action", ["broker", "--url", "http://127.0.0.1:1"]],
  ])("%s is a mistake in the words", async (_, words) => {
    expect(failureOf(await cli([...words, "--json"]))).toMatchObject({
      exit: 2,
      code: "INPUT_INVALID",
    });
  });
});
