import { expect, test } from "bun:test";
import { resize } from "./handlers/resize.ts";
import { Schedule } from "./schedule.ts";

test("a task that runs is not started again beside itself", async () => {
  const end = Promise.withResolvers<void>();
  let runs = 0;
  const run = () => {
    runs += 1;
    return end.promise;
  };
  const schedule = new Schedule([{ name: "slow", everyMs: 1000, run }], () => {});

  const first = schedule.run("slow");
  await schedule.run("slow");
  expect(runs).toBe(1);
  end.resolve();
  await first;

  await schedule.run("slow");
  expect(runs).toBe(2);
});

test("a task that throws is told and runs again", async () => {
  const told: string[] = [];
  const run = async () => {
    throw new Error("no");
  };
  const schedule = new Schedule([{ name: "bad", everyMs: 1000, run }], (_, name) => {
    told.push(name);
  });

  await schedule.run("bad");
  await schedule.run("bad");

  expect(told).toEqual(["bad", "bad"]);
});

test("a job without what it needs throws, so that it is tried again or given up", async () => {
  const job = { id: 1, kind: "resize", attempt: 1 };

  expect(resize({ ...job, payload: null })).rejects.toThrow("width");
  await resize({ ...job, payload: { width: 10 } });
});
