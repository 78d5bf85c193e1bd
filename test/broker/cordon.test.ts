/** Goal: a machine is cordoned and back again while its runner waits. Method: a broker's process, a file, a runner's poll. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { BrokerProcess } from "./broker-process.ts";
import type { MachineKey } from "./message.ts";
import { dispatch } from "./supervisor.ts";

const key: MachineKey = { deployment: "deployment_a", version: "1", cpu: 0.5, memory: 1 };

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "levain-cordon-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function start(flags: readonly string[]): Promise<BrokerProcess> {
  const file = join(folder, "cordoned");
  return BrokerProcess.start({ flags: ["--cordon-file", file, "--start-hold-ms", "0", ...flags] });
}

/** A runner's poll on machine-7. */
function poll(broker: BrokerProcess): Promise<Response> {
  return fetch(`${broker.origin}/warm-start`, {
    headers: {
      "x-trigger-deployment-id": key.deployment,
      "x-trigger-deployment-version": key.version,
      "x-trigger-machine-cpu": "0.5",
      "x-trigger-machine-memory": "1",
      "x-trigger-workload-controller-id": "controller_1",
      "x-trigger-worker-instance-name": "machine-7",
    },
  });
}

const cordon = (names: string) => writeFileSync(join(folder, "cordoned"), names);
const machines = (broker: BrokerProcess) => async () =>
  Number(/cordoned_machines (\d+)/.exec(await metrics(broker))?.[1]);
const metrics = async (broker: BrokerProcess) =>
  await (await fetch(`${broker.dispatchOrigin}/metrics`)).text();

test("a waiting runner gets nothing while its machine is cordoned, and work when it is back", async () => {
  cordon("machine-6\n");
  await using broker = await start([]);
  const polled = poll(broker);
  await until(async () => (await broker.status()).parked === 1);
  const cordoned = machines(broker);

  cordon("machine-6\nmachine-7\n");
  await until(async () => (await cordoned()) === 2);
  const during = await dispatch(broker.dispatchOrigin, { key, run: "run_1", snapshot: "one" });
  cordon("machine-6\n");
  await until(async () => (await cordoned()) === 1);
  const after = await dispatch(broker.dispatchOrigin, { key, run: "run_2", snapshot: "two" });

  expect([during, after]).toEqual(["false", "true"]);
  expect((await (await polled).json()) as object).toMatchObject({ run: { friendlyId: "run_2" } });
  await until(() => broker.dispatches.length === 2);
  expect(broker.dispatches[0]!.reason).toBe("cordoned");
});

test("where it is asked for, the runners of a machine that is cordoned are sent home", async () => {
  await using broker = await start(["--cordon-action", "dismiss"]);
  const polled = poll(broker);
  await until(async () => (await broker.status()).parked === 1);

  cordon("machine-7");

  expect((await polled).status).toBe(410);
  expect((await poll(broker)).status).toBe(410);
});
