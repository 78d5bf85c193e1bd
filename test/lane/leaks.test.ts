/**
 * Goal: what a node has served, it has forgotten. Method: 20,000 requests, 200 that are given up and 50 crashes through
 * one lane; then its open files and its heap are where they were.
 */

import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../src/base/until-for-tests.ts";
import { freeCrashes } from "../../src/pool/limits.ts";
import type { Asked } from "../http/answer-reader.ts";
import { RawConnection } from "../http/raw-client.ts";
import { get, type RawLane, request, startRawLane, told } from "./raw-lane.ts";

const requests = 20_000;
const aborted = 200;
const crashes = 50;
const sparesMax = 1;
/** What a process keeps for a while, whoever it served. */
const objectsMoreMax = 3000;
const heapBytesMoreMax = 2 * 1024 * 1024;
/** On one connection. */
const pipelined = 500;

interface Holdings {
  files: number;
  objects: number;
  heapBytes: number;
  connections: number;
}

async function holdings(lane: RawLane): Promise<Holdings> {
  // A spare that is still to come has no descriptors yet.
  await until(
    () => lane.lane.edge.counters.connections === 0 && lane.lane.spares.ready === sparesMax,
  );
  // The log of a test keeps everything.
  lane.records.length = 0;
  for (let round = 0; round < 3; round++) {
    Bun.gc(true);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { objectCount, heapSize } = heapStats();
  return {
    files: readdirSync("/proc/self/fd").length,
    objects: objectCount,
    heapBytes: heapSize,
    connections: lane.lane.edge.counters.connections,
  };
}

/** Not `lane.open`, which keeps its clients, and they their answers. */
const open = (lane: RawLane, asked: Asked[], app = "a") =>
  RawConnection.open({ port: lane.port, host: `${app}.localhost`, deadlineMs: 20_000 }, asked);

async function serve(lane: RawLane, count: number): Promise<void> {
  for (let done = 0; done < count; done += pipelined) {
    const client = await open(lane, Array(pipelined).fill({ method: "GET" }));
    await client.take(get("/bytes?count=100").repeat(pipelined));
    await client.take({ until: "answer", answer: pipelined - 1 });
    client.hangUp();
  }
}

async function abort(lane: RawLane, count: number): Promise<void> {
  const paths = ["/never", "/first", "/long?count=10000000", "/drip"];
  for (let done = 0; done < count; done++) {
    const client = await open(lane, [{ method: "POST" }]);
    const body = done % 2 === 0 ? "" : "half of it";
    await client.take(
      request(`POST ${paths[done % 4]} HTTP/1.1`, `Content-Length: ${body.length * 2}`) + body,
    );
    if (done % 4 !== 0 && body === "") await client.take({ until: "head" });
    await client.take({ reset: true });
  }
}

/** Each app crashes as often as it may without having to wait. */
async function crash(lane: RawLane, apps: readonly string[]): Promise<void> {
  for (const app of apps) {
    for (let done = 0; done < freeCrashes; done++) {
      const client = await open(lane, [{ method: "GET" }], app);
      await client.take(get("/exit"));
      await client.take({ until: "answer" });
      expect(client.answers[0]!.status).toBe(502);
      client.hangUp();
    }
  }
}

test("20,000 requests, 200 given up and 50 crashes leave nothing in the node", async () => {
  const crashing = Array.from({ length: 1 + crashes / freeCrashes }, (_, at) => `crash${at}`);
  const apps = Object.fromEntries(["a", ...crashing].map((name) => [name, told]));
  await using lane = startRawLane(apps, { sparesMax });
  // What is made once and kept is made before we count.
  await serve(lane, 2000);
  await abort(lane, 8);
  await crash(lane, crashing.slice(0, 1));
  await serve(lane, pipelined);
  const before = await holdings(lane);

  await serve(lane, requests);
  await abort(lane, aborted);
  await crash(lane, crashing.slice(1));
  await serve(lane, pipelined);

  await until(() => readdirSync(join(lane.dataDir, "run")).length <= 2);
  let after = await holdings(lane);
  await until(async () => {
    after = await holdings(lane);
    return (
      after.files <= before.files &&
      after.objects - before.objects < objectsMoreMax &&
      after.heapBytes - before.heapBytes < heapBytesMoreMax
    );
  }).catch(() => {});
  expect(after.files).toBeLessThanOrEqual(before.files);
  expect(after.objects - before.objects).toBeLessThan(objectsMoreMax);
  expect(after.heapBytes - before.heapBytes).toBeLessThan(heapBytesMoreMax);
  const { requests: served } = lane.lane.edge.counters;
  expect(served).toBeGreaterThan(requests + aborted / 2 + crashes);
}, 120_000);
