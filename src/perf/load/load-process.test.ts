import { expect, test } from "bun:test";
import { join } from "node:path";
import { until } from "../../base/until-for-tests.ts";
import { LoadProcess } from "./load-process.ts";
import { runLoad } from "./run-load.ts";
import { answers, get, planFor } from "./servers-for-tests.ts";

const failed = (what: string) => `Cannot measure: the load generator failed (${what})`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a generator does one run after the other, and ends when it is told to", async () => {
  using server = answers();
  const generator = await LoadProcess.start();

  for (const maxRequests of [3, 5]) {
    const result = await generator.run(planFor(server.port, { maxRequests }));
    expect(result.requests).toBe(maxRequests);
  }
  await generator.stop();
  await generator.stop();

  expect(isAlive(generator.pid)).toBe(false);
  await until(() => server.open === 0);
});

test("a single run starts a generator and leaves none", async () => {
  using server = answers();

  const result = await runLoad(planFor(server.port, { maxRequests: 7 }));

  expect(result.requests).toBe(7);
  await until(() => server.open === 0);
});

test("a plan that cannot be run is said, and the generator ends with it", async () => {
  await expect(runLoad(planFor(1, { concurrency: 0 }))).rejects.toThrow(
    failed("Cannot run: concurrency has to be 1 to 20000"),
  );
  await expect(runLoad(planFor(1, { ratePerS: 0 }))).rejects.toThrow("the rate has to be");
  await expect(runLoad(planFor(1, { requests: [] }))).rejects.toThrow("every weight");
  await expect(runLoad(planFor(1, { requests: [{ ...get, weight: 0 }] }))).rejects.toThrow(
    "every weight",
  );
});

test("a run ends with its generator, and so does what is asked of it later", async () => {
  using server = answers();
  await using generator = await LoadProcess.start();
  const run = generator.run(planFor(server.port, { durationMs: 60_000 }));
  await until(() => server.requests > 0);

  process.kill(generator.pid, "SIGKILL");

  await expect(run).rejects.toThrow(failed("ended by signal SIGKILL"));
  await expect(generator.run(planFor(server.port))).rejects.toThrow("ended by signal SIGKILL");
});

test("a generator that is silent for longer than its plan can take is ended", async () => {
  using server = answers();
  await using generator = await LoadProcess.start({ graceMs: 300 });
  const plan = planFor(server.port, { durationMs: 100, clientTimeoutMs: 50 });
  const run = generator.run({ ...plan, warmUpMs: 50 });
  await until(() => server.requests > 0);

  process.kill(generator.pid, "SIGSTOP");

  await expect(run).rejects.toThrow(failed("silent for 550 ms"));
  await until(() => !isAlive(generator.pid));
});

test("stopping amid a run ends both", async () => {
  using server = answers();
  const generator = await LoadProcess.start();
  const run = generator.run(planFor(server.port, { durationMs: 60_000 }));
  run.catch(() => {});
  await until(() => server.requests > 0);

  await generator.stop();

  await expect(run).rejects.toThrow("ended by signal SIGKILL");
  expect(isAlive(generator.pid)).toBe(false);
});

test("a generator dies with the process that started it, amid a run", async () => {
  using server = answers();
  const starter = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "fixtures/starts-load-and-dies.ts"),
      String(server.port),
    ],
    { stdout: "pipe" },
  );
  const { value } = await starter.stdout.getReader().read();
  const pid = Number(new TextDecoder().decode(value));
  await until(() => server.requests > 100);
  expect(isAlive(pid)).toBe(true);

  starter.kill("SIGKILL");

  await until(() => !isAlive(pid));
  await until(() => server.open === 0);
});
