import { afterAll, beforeAll, expect, test } from "bun:test";
import { until } from "../../base/until-for-tests.ts";
import { LoadProcess } from "./load-process.ts";
import type { ShotPlan } from "./plan.ts";
import {
  announcesClose,
  answers,
  answersAfter,
  get,
  neverAnswers,
  okAnswer,
  rawServer,
  refusingPort,
  resetsMidBody,
  speaksNoHttp,
} from "./servers-for-tests.ts";

let generator: LoadProcess;
beforeAll(async () => {
  generator = await LoadProcess.start();
});
afterAll(() => generator.stop());

const shoot = (port: number, overrides: Partial<ShotPlan> = {}) =>
  generator.shoot({
    hostname: "127.0.0.1",
    port,
    request: get,
    connection: "fresh",
    clientTimeoutMs: 5000,
    ...overrides,
  });

test("a shot is measured from its first byte to the end of its answer", async () => {
  using server = answersAfter(60);

  const shot = await shoot(server.port);

  expect(shot).toMatchObject({ status: 200, bytesRead: okAnswer.length, error: null });
  expect(shot.latencyMs).toBeGreaterThan(58);
  expect(shot.connectMs).toBeGreaterThan(0);
});

test("fresh shots have a connection each, and kept ones the one that was left", async () => {
  using server = answers();

  for (const _ of Array(3)) await shoot(server.port);
  expect(server.connections).toBe(3);
  const kept = [];
  for (const _ of Array(3)) kept.push(await shoot(server.port, { connection: "kept" }));

  expect(server.connections).toBe(3);
  expect(kept.map((shot) => shot.connectMs)).toEqual([0, 0, 0]);
  expect(server.requests).toBe(6);
  await until(() => server.open === 1);
});

test("a kept shot opens a connection when there is none, or it leads elsewhere", async () => {
  using first = answers();
  using second = answers();

  await shoot(first.port, { connection: "kept" });
  const other = await shoot(second.port, { connection: "kept" });

  expect(other.connectMs).toBeGreaterThan(0);
  expect([first.requests, second.requests]).toEqual([1, 1]);
  await until(() => first.open === 0);
});

test("a kept shot opens a connection when the server has closed the one that was left", async () => {
  using announced = announcesClose();
  await shoot(announced.port, { connection: "kept" });

  expect(await shoot(announced.port, { connection: "kept" })).toMatchObject({ error: null });
  expect(announced.connections).toBe(2);
  using server = rawServer((socket) => {
    socket.write(okAnswer);
    setTimeout(() => socket.end(), 5);
  });
  await shoot(server.port, { connection: "kept" });
  await until(() => server.open === 0);

  const shot = await shoot(server.port, { connection: "kept" });

  expect(shot).toMatchObject({ error: null, status: 200 });
  expect(server.connections).toBe(2);
});

test("what a shot meets is told, and the next one is not affected", async () => {
  using never = neverAnswers();
  using resets = resetsMidBody();
  using noHttp = speaksNoHttp();
  using fails = answers("HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n");
  using server = answers();

  expect(await shoot(never.port, { clientTimeoutMs: 100 })).toMatchObject({
    error: "timeout",
    status: null,
  });
  expect(await shoot(resets.port)).toMatchObject({ error: "reset", status: null });
  expect(await shoot(noHttp.port)).toMatchObject({ error: "protocol", status: null });
  expect(await shoot(refusingPort())).toMatchObject({ error: "refused", status: null });
  expect(await shoot(fails.port)).toMatchObject({ error: "status", status: 503 });
  expect(await shoot(server.port)).toMatchObject({ error: null, status: 200 });
});
