import { expect, test } from "bun:test";
import { createApp } from "./app.ts";
import { type Job, MemoryQueue } from "./queue.ts";

test("jobs run one after the other, in the order they came", async () => {
  const ran: unknown[] = [];
  const queue = new MemoryQueue({ note: async ({ payload }) => void ran.push(payload) }, () => {});

  for (const payload of [1, 2, 3]) queue.add("note", payload);
  await queue.idle();

  expect(ran).toEqual([1, 2, 3]);
  expect(queue.counts).toEqual({ done: 3, failed: 0, waiting: 0 });
});

test("a job that throws is tried three times, then given up", async () => {
  const failed: Job[] = [];
  const always = async () => {
    throw new Error("no");
  };
  const queue = new MemoryQueue({ always }, (_error, job) => void failed.push(job));

  queue.add("always", null);
  await queue.idle();

  expect(failed.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
  expect(queue.counts).toEqual({ done: 0, failed: 1, waiting: 0 });
});

test("work is handed in by a request, and unknown work is refused", async () => {
  const queue = new MemoryQueue({ note: async () => {} }, () => {});
  const app = createApp(queue);

  expect((await app.request("/jobs/note", { method: "POST", body: "{}" })).status).toBe(202);
  expect((await app.request("/jobs/other", { method: "POST" })).status).toBe(400);
  await queue.idle();

  expect(await (await app.request("/jobs")).json()).toEqual({ done: 1, failed: 0, waiting: 0 });
});
