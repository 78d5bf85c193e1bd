/** Real processes: this one as the node, and children as its apps. */
import { expect, test } from "bun:test";
import { until } from "../base/until-for-tests.ts";
import { sampleProcesses } from "./process-sample.ts";

const spin = "while (process.cpuUsage().user < 80_000);";
const spawn = (code: string) =>
  Bun.spawn([process.execPath, "-e", code], { stdio: ["pipe", "ignore", "ignore"] });

test("CPU time of an app counts also when its process has ended in between", async () => {
  const before = sampleProcesses([process.pid]);

  await spawn(spin).exited;

  const after = sampleProcesses([process.pid]);
  expect(after.appsCpuUs - before.appsCpuUs).toBeGreaterThanOrEqual(40_000);
});

test("the node's own processes are not taken for apps", async () => {
  const edge = spawn(`${spin} process.stdin.resume()`);
  const app = spawn(`const kept = new Uint8Array(64 << 20).fill(1);
    process.stdin.resume().on("close", () => console.log(kept[0]))`);
  const apart = () => sampleProcesses([process.pid, edge.pid]);
  const together = () => sampleProcesses([process.pid]);

  try {
    await until(() => apart().appsBytes > 64 * 2 ** 20);

    expect(apart().nodeBytes).toBeGreaterThan(together().nodeBytes);
    expect(apart().appsBytes).toBeLessThan(together().appsBytes);
  } finally {
    edge.kill();
    app.kill();
    await Promise.all([edge.exited, app.exited]);
  }
});

test("a process that is gone has used nothing", () => {
  expect(sampleProcesses([2 ** 22])).toEqual({
    nodeCpuUs: 0,
    appsCpuUs: 0,
    nodeBytes: 0,
    appsBytes: 0,
    nodeFds: 0,
    appsFds: 0,
  });
});
